/**
 * node:http without its namespace. An import of it evaluates everything that it exports, some of which it would load only
 * when asked: undici and web streams, 6 MB and 30 ms of CPU for each process and worker thread that never uses them.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
export const http2 = process.getBuiltinModule('node:http2');
