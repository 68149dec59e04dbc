import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { printable } from '../../core/text.ts';
import type { Problem } from '../../profile/problem.ts';

/** What stays the same when lines above the problem come or go: GitLab compares branches by it. */
const fingerprint = (path: string, { message, frame }: Problem): string =>
  createHash('sha256')
    .update([path, message, frame.replace(/\d+/g, '')].join('\0'))
    .digest('hex');

/**
 * Problems of profiles as a Code Quality report, which GitLab shows at the lines of a merge request
 * (https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format). Paths are relative to `root`.
 */
export const codeQualityText = (problems: readonly Problem[], root: string): string => {
  const issues = problems.map((problem) => {
    const path = relative(root, problem.file);
    return {
      description: printable(problem.message),
      check_name: 'BadProfile',
      fingerprint: fingerprint(path, problem),
      severity: 'blocker',
      location: { path, lines: { begin: problem.line } },
    };
  });
  return `${JSON.stringify(issues, undefined, 2)}\n`;
};
