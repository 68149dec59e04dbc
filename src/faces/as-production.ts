/**
 * Loads what brings React in: it decides once, when it is loaded and by NODE_ENV, whether it is the build for development,
 * which takes several times the CPU. The variable goes again: it is none of the business of programs that we start.
 */
export const asProduction = async <Module>(load: () => Promise<Module>): Promise<Module> => {
  const before = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = before ?? 'production';
  try {
    return await load();
  } finally {
    if (before === undefined) delete process.env['NODE_ENV'];
  }
};
