// Package parts says how each part is started: pure functions of the configuration.
package parts

import (
	"maps"
	"slices"
	"strings"
)

// merge applies the user's arguments to ours by K3s's rules: `name=value` replaces ours, `name+=value` is put behind
// it, `name-=value` before it. An argument given twice is passed twice.
func merge(ours map[string]string, theirs []string) []string {
	all := map[string][]string{}
	for name, value := range ours {
		all[name] = []string{value}
	}
	replaced := map[string]bool{}
	for _, argument := range theirs {
		name, value, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		bare := strings.TrimRight(name, "+-")
		switch {
		case strings.HasSuffix(name, "+") && len(all[bare]) == 1:
			all[bare] = []string{join(all[bare][0], value)}
		case strings.HasSuffix(name, "-") && len(all[bare]) == 1:
			all[bare] = []string{join(value, all[bare][0])}
		case replaced[bare]:
			all[bare] = append(all[bare], value)
		default:
			all[bare], replaced[bare] = []string{value}, true
		}
	}
	var args []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			args = append(args, "--"+name+"="+value)
		}
	}
	return args
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "," + b
}
