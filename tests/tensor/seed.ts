/** Where property tests of this folder start from; a failure prints it, and the path to the example. */
export const SEED = 20_260_102;
