/** files/host/apply.sh is killed at random moments: the next run undoes what was half done. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Bundle } from "../../components/host/bundle.ts";
import type { Answer } from "../machines/support/lab.ts";
import { chances } from "../support/chance.ts";
import { bootHost, done, HOSTNAME, type Host, refuse, serviceBundle } from "./support/host.ts";

let host: Host;

beforeAll(async () => {
  host = await bootHost();
});
afterAll(() => host.dispose());

describe("a run that is killed", () => {
  const COUNT = 60;
  const NAMES = Array.from({ length: COUNT }, (_, i) => `/etc/many/${i}`);
  const many = (content: string): Bundle => {
    const one = serviceBundle("many", content);
    return { ...one, files: [...one.files, ...NAMES.map((path) => ({ path, content: `${content}\n` }))] };
  };
  const refused = (content: string): Bundle => ({ ...many(content), hooks: { validate: refuse("no") } });
  const contents = () =>
    host.run("cat /etc/many/[0-9]* | sort | uniq -c | tr -s ' '; ls -A /etc/many | wc -l");

  /** Kills apply some time after its journal is there: while it swaps, or restarts, or waits for health. */
  async function applyAndKill(bundle: Bundle, delaySeconds = "0"): Promise<Answer> {
    const journal = `/var/lib/gardenos/bundles/${bundle.name}/journal`;
    const killer = `until test -d ${journal}; do sleep 0.01; done; sleep ${delaySeconds}; kill -9 $(pgrep -f '[b]ash /run/gardenos')`;
    const hooks = { health: refuse("not yet") };
    const [answer] = await Promise.all([host.apply({ ...bundle, hooks }), host.run(killer)]);
    return answer;
  }

  const chance = chances("apply is killed");
  const delays = [1, 2, 3].map(() => (chance() / 2).toFixed(3));

  it("is undone by the next one, which restarts what may have seen the new files", async () => {
    await host.apply(many("old"));
    for (const delay of delays) {
      expect(await applyAndKill(many("new"), delay)).toMatchObject({ status: 137 });
      expect(await host.apply(refused("new"))).toEqual({
        status: 1,
        stdout: "many: undoing a run that was interrupted\n",
        stderr: `no\nmany on ${HOSTNAME}: the new files do not pass their check (see above). No file was changed.\n`,
      });
      expect(await contents()).toBe(` ${COUNT} old\n${COUNT + 1}\n`);
      expect(await host.apply(many("old"))).toEqual(
        done("many: 0 files changed, units handled: many.service\n"),
      );
    }
  });

  it("is made good by the same run again", async () => {
    expect(await applyAndKill(many("new"), delays[0])).toMatchObject({ status: 137 });
    expect(await host.apply(many("new"))).toEqual(
      done(
        `many: undoing a run that was interrupted\nmany: ${COUNT + 1} files changed, units handled: many.service\n`,
      ),
    );
    expect(await contents()).toBe(` ${COUNT} new\n${COUNT + 1}\n`);
    expect(await host.run("tail -n 1 /run/many.log; ls /run | grep gardenos. || true")).toBe("start new\n");
  });
});
