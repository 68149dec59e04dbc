// The rooms of docs/architecture.md: imports point down the list within each half,
// and the halves never import each other (both may import runtime/spec).
const src = ['cli', 'faces', 'flows', 'node', 'resources', 'host', 'inventory', 'profile', 'artifacts', 'core'];
const runtime = ['cri', 'nri', 'pods', 'containers', 'images', 'streaming', 'network', 'oci', 'shim', 'ttrpc', 'resources', 'config', 'observe', 'linux', 'spec', 'core'];

const downwards = (half, rooms) =>
  rooms.flatMap((room, index) =>
    index === 0
      ? []
      : [{
          name: `${half}/${room}-points-down`,
          severity: 'error',
          comment: `${half}/${room} may only import rooms listed below it in docs/architecture.md`,
          from: { path: `^${half}/${room}/` },
          to: { path: `^${half}/(${rooms.slice(0, index).join('|')})/` },
        }],
  );

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'src-not-runtime', severity: 'error', from: { path: '^src/' }, to: { path: '^runtime/', pathNot: '^runtime/spec/' } },
    { name: 'runtime-not-src', severity: 'error', from: { path: '^runtime/' }, to: { path: '^src/' } },
    { name: 'product-not-test', severity: 'error', from: { path: '^(src|runtime)/' }, to: { path: '^(test|bench)/' } },
    { name: 'system-calls-in-linux-only', severity: 'error', from: { path: '^runtime/', pathNot: '^runtime/linux/' }, to: { path: 'node_modules/koffi' } },
    ...downwards('src', src),
    ...downwards('runtime', runtime),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^runtime/spec/(cri|ttrpc)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
