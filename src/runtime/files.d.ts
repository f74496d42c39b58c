// What `import … with { type: "file" }` gives: a path, also inside of a bundle.
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
declare module "*/tryIt.js" {
  const text: string;
  export default text;
}
// What workerd gives, compiled.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
// The parts of prom-client, which come without types of their own.
declare module "prom-client/lib/counter.js" {
  export { Counter as default } from "prom-client";
}
declare module "prom-client/lib/gauge.js" {
  export { Gauge as default } from "prom-client";
}
declare module "prom-client/lib/histogram.js" {
  export { Histogram as default } from "prom-client";
}
declare module "prom-client/lib/registry.js" {
  export { Registry as default } from "prom-client";
}
