import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Files of the user for hosts with CRI-O: its image of the pause container, which no registry has here, and what else is
 * named. Answers the lines of the profile, indented by two blanks.
 */
export function templatesOf(folder: string, more: Readonly<Record<string, string>> = {}): string {
  const templates = mkdtempSync(join(folder, 'templates-'));
  const files = {
    'etc/crio/crio.conf.d/50-pause.conf': '[crio.image]\npause_image = "localhost:5000/crio/redis:alpine"\n',
    ...more,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(templates, path)), { recursive: true });
    writeFileSync(join(templates, `${path}.hbs`), text);
  }
  return `  templates: ${templates}\n`;
}
