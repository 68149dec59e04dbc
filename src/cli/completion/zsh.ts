import type { CompletedCommand, CompletedOption, Value } from './model.ts';

/** Within single quotes of a specification of _arguments, where brackets and colons mean something. */
const quoted = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "'\\''")
    .replace(/[[\]:]/g, '\\$&');

const action = (value: Value): string => {
  switch (value.kind) {
    case 'files':
      return 'file:_files';
    case 'hosts':
      return value.list ? 'host:_berth_hosts' : 'host:_berth_host';
    case 'words':
      if (value.files === true) return `file or command:{ compadd ${value.words.join(' ')}; _files }`;
      return value.list
        ? `value:_values -s , value ${value.words.join(' ')}`
        : `value:(${value.words.join(' ')})`;
    case 'verbs': {
      const cases = [...value.below].map(
        ([name, verbs]) => `[[ $words[CURRENT-1] == ${name} ]] && compadd ${verbs.join(' ')}`,
      );
      return `verb:{ ${cases.join('; ')} }`;
    }
    case 'other':
      return 'value: ';
  }
};

/** The value of a long one stands behind a `=`, or in the next word. */
const optionSpecs = ({ names, description, value }: CompletedOption): string[] =>
  names.map((name) => {
    const sign = value !== undefined && name.startsWith('--') ? '=' : '';
    return `'*${name}${sign}[${quoted(description)}]${value === undefined ? '' : `:${action(value)}`}'`;
  });

const placeSpecs = ({ places, variadic }: CompletedCommand): string[] =>
  places.map((value, index) => {
    const last = variadic && index === places.length - 1;
    return `'${last ? '*' : index + 1}:${action(value)}'`;
  });

const commandCase = (command: CompletedCommand): string =>
  [
    `        ${command.name})`,
    `          _arguments ${[...command.options.flatMap(optionSpecs), ...placeSpecs(command)].join(' \\\n            ')} ;;`,
  ].join('\n');

/** The script for a folder in fpath, or for \`source <(berth completion zsh)\` after compinit. */
export const zshCompletion = (commands: readonly CompletedCommand[]): string => `#compdef berth
# zsh completion of berth, written by: berth completion zsh

# Into names.
_berth_names() {
  local profile=\${opt_args[--profile]:-\${opt_args[-p]}} one
  for one in $words; do [[ -z $profile && -f $one ]] && profile=$one; done
  [[ -z $profile && -f berth.yaml ]] && profile=berth.yaml
  [[ -n $profile ]] || return 1
  names=(\${=$(berth completion --hosts-of $profile 2>/dev/null)})
  (( $#names ))
}

_berth_host() {
  local -a names
  _berth_names && compadd "$@" -a names
}

# With commas between them.
_berth_hosts() {
  local -a names
  _berth_names && _values -s , host $names
}

_berth() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`).join('\n')}
  )
  _arguments -C '--help[show help]' '--version[print the version of berth]' '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
${commands.map(commandCase).join('\n')}
      esac ;;
  esac
}

if [[ $funcstack[1] == _berth ]]; then _berth "$@"; else compdef _berth berth; fi
`;
