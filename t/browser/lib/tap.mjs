// What node:test reports, as Perl's harness reads it: TAP without Node's YAML, which that cannot
// parse, so that a failure would be told as a malformed file. Why one failed goes to stderr.

import { inspect } from "node:util";

export default async function* tap(events) {
  yield "TAP version 13\n";
  for await (const { type, data } of events) {
    const indent = "    ".repeat(data.nesting ?? 0);
    if (type === "test:pass" || type === "test:fail") {
      const failed = type === "test:fail";
      const { name, testNumber, skip, details } = data;
      const directive = skip === undefined ? "" : ` # SKIP ${skip === true ? "" : skip}`;
      const said = name.replace(/[\\#]/g, "\\$&").replace(/\s+/g, " ");
      yield `${indent}${failed ? "not " : ""}ok ${testNumber} - ${said}${directive}\n`;
      // A test that failed by one inside it says nothing new.
      const { error } = details;
      if (failed && error?.failureType !== "subtestsFailed") {
        process.stderr.write(`# ${name}: ${inspect(error?.cause ?? error)}\n`);
      }
    } else if (type === "test:plan") {
      yield `${indent}1..${data.count}\n`;
    } else if (type === "test:diagnostic" && !data.nesting) {
      yield `# ${data.message}\n`;
    }
  }
}
