export {
  type Authority,
  createIntermediate,
  createLeaf,
  createRoot,
  type KeyPair,
  type LeafArgs,
} from "./pki.ts";
