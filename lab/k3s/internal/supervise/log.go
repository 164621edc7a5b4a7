package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

var output sync.Mutex // lines of different parts must not mix

// Log prints one line as the supervisor.
func Log(format string, args ...any) { printLine("k3s", fmt.Sprintf(format, args...)) }

func printLine(name, line string) {
	output.Lock()
	defer output.Unlock()
	fmt.Fprintf(os.Stderr, "%s: %s\n", name, line)
}

// prefixer copies a part's output line by line, its name first.
type prefixer struct {
	name string
	rest []byte
	last *lastLine
}

func newPrefixer(name string, last *lastLine) *prefixer { return &prefixer{name: name, last: last} }

const maxLine = 8192

func (p *prefixer) Write(data []byte) (int, error) {
	p.rest = append(p.rest, data...)
	for {
		end := bytes.IndexByte(p.rest, '\n')
		if end < 0 && len(p.rest) < maxLine {
			return len(data), nil
		}
		if end < 0 {
			end = len(p.rest) - 1 // no newline in sight: cut
		}
		line := strings.TrimRight(string(p.rest[:end]), "\r\n")
		p.rest = p.rest[end+1:]
		if line != "" {
			p.last.set(line)
			printLine(p.name, line)
		}
	}
}

// lastLine remembers a part's last words, mostly the reason why it ended.
type lastLine struct {
	mutex sync.Mutex
	line  string
}

const shownReason = 300

func (l *lastLine) set(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.line = line
}

func (l *lastLine) suffix() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.line == "" {
		return ""
	}
	line := l.line
	if len(line) > shownReason {
		line = line[:shownReason] + "…"
	}
	return " (last line: " + line + ")"
}
