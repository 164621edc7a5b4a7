export {
  type Authority,
  createIntermediate,
  createLeaf,
  createRoot,
  type KeyPair,
  type Leaf,
} from "./pki.ts";
export { scramVerifiers } from "./scram.ts";
