import type { TarMember } from '../../harness/tar.ts';
import { folder, text } from './members.ts';
import { programs } from './packages.ts';

const PAGE = '<!doctype html><title>berth</title><p>a page for critest\n';

/** Debian's nginx. critest reads /var/run/nginx.pid and looks for "master process" in its command line. */
export const nginxLayer = async (root: string): Promise<TarMember[]> => [
  ...(await programs(root, { 'usr/sbin/nginx': 'usr/sbin/nginx' })),
  ...['var/lib/nginx', 'usr/share/nginx', 'etc/nginx'].map((path) => folder(path)),
  text('usr/share/nginx/index.html', PAGE),
  text('etc/nginx/nginx.conf', nginxConfiguration(80)),
  text('etc/nginx/host-network.conf', nginxConfiguration(12003)),
];

const nginxConfiguration = (port: number): string => `daemon off;
user www-data;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr notice;
events { worker_connections 64; }
http {
  access_log /dev/stdout;
  server {
    listen ${port};
    root /usr/share/nginx;
    default_type text/html;
  }
}
`;

const MODULES = ['mpm_event', 'authz_core', 'dir'];
const modulePath = (name: string): string => `usr/lib/apache2/modules/mod_${name}.so`;

/** Debian's apache2 under its maker's name, which critest looks for in its log: it logs its command line. */
export const httpdLayer = async (root: string): Promise<TarMember[]> => [
  ...(await programs(root, {
    'usr/sbin/httpd': 'usr/sbin/apache2',
    ...Object.fromEntries(MODULES.map((name) => [modulePath(name), modulePath(name)])),
  })),
  ...['usr/share/httpd', 'etc/httpd'].map((path) => folder(path)),
  text('usr/share/httpd/index.html', PAGE),
  text('etc/httpd/httpd.conf', HTTPD_CONFIGURATION),
];

const HTTPD_CONFIGURATION = `ServerRoot /
ServerName localhost
DefaultRuntimeDir /run
PidFile /run/httpd.pid
Listen 80
User www-data
Group www-data
${MODULES.map((name) => `LoadModule ${name}_module ${modulePath(name)}`).join('\n')}
StartServers 1
ErrorLog /dev/stderr
LogLevel notice
DocumentRoot /usr/share/httpd
DirectoryIndex index.html
`;
