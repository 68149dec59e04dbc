/** Of the module that api_pb.js is made from; plugins are told. */
export const NRI_VERSION = 'v0.12.3';
