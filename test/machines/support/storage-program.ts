#!/usr/bin/env node
/** Stands in for versitygw where only its life counts: answers everything at the address of `--port`. */
import { createServer } from "node:http";

const [host = "", port] = (process.argv[process.argv.indexOf("--port") + 1] ?? "").split(":");
createServer((_, answer) => answer.end("from object storage\n")).listen(Number(port), host);
