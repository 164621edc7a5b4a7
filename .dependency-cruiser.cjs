/** Import direction: lib ← config/schema ← plan ← render ← component ← layers ← index.ts. See CONTRIBUTING.md. */
const pure = "^(lib|plan)/|^components/[^/]+/(render|bundle)\\.ts$|^config/(schema|parse)\\.ts$";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two modules that need each other are one module, or miss a third.",
      severity: "error",
      from: {},
      to: { circular: true, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pure-modules-know-no-pulumi",
      comment: "What is rendered or planned is a pure function of plain values.",
      severity: "error",
      from: { path: pure },
      to: { path: "@pulumi/" },
    },
    {
      name: "lib-imports-nothing-of-ours",
      severity: "error",
      from: { path: "^lib/" },
      to: { path: "^(config|plan|components|layers|lab|ops|index|exports)" },
    },
    {
      name: "plan-knows-settings-only-by-type",
      severity: "error",
      from: { path: "^plan/" },
      to: { path: "^(components|layers|lab|ops|index|exports|config/(load|parse|secrets))" },
    },
    {
      name: "configuration-is-read-by-index-only",
      severity: "error",
      from: { path: "^(?!index\\.ts|config/)" },
      to: { path: "^config/(load|secrets)\\.ts$" },
    },
    {
      name: "components-see-siblings-as-types",
      comment: "layers/ does the wiring. components/{host,kubernetes,pki} are shared and may be called.",
      severity: "error",
      from: { path: "^components/([^/]+)/" },
      to: {
        path: "^components/",
        pathNot: "^components/($1|host|kubernetes|pki)/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "commands-are-made-in-one-place",
      severity: "error",
      from: { pathNot: "^components/host/" },
      to: { path: "@pulumi/command", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "the-program-knows-neither-lab-nor-ops",
      severity: "error",
      from: { path: "^(index|exports|config|plan|lib|components|layers)" },
      to: { path: "^(lab|ops)/" },
    },
    {
      name: "ops-knows-no-lab",
      severity: "error",
      from: { path: "^ops/" },
      to: { path: "^lab/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default"],
    },
  },
};
