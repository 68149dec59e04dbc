import type { CompletedCommand, Value } from './model.ts';

/** Words of an answer; none of ours has a blank or a quote in it. */
const words = (list: readonly string[]): string => list.join(' ');

const offer = ({ list }: { readonly list: boolean }): string => (list ? '_berth_list' : '_berth_words');

const answer = (value: Value): string => {
  switch (value.kind) {
    case 'files':
      return '_berth_files';
    case 'hosts':
      return `${offer(value)} "$(_berth_hosts)"`;
    case 'words':
      return `${value.files === true ? '_berth_files; ' : ''}${offer(value)} "${words(value.words)}"`;
    case 'verbs': {
      const cases = [...value.below].map(([name, verbs]) => `${name}) _berth_words "${words(verbs)}" ;;`);
      return `case $before in ${cases.join(' ')} esac`;
    }
    case 'other':
      return ':';
  }
};

const valueCases = ({ options }: CompletedCommand): string[] =>
  options.flatMap(({ names, value }) =>
    value === undefined ? [] : [`        ${names.join('|')}) ${answer(value)}; return ;;`],
  );

/** `place` counts the words after the command that are no options, from 0. */
const placeCases = ({ places, variadic }: CompletedCommand): string[] =>
  places.map((value, index) => {
    const last = variadic && index === places.length - 1;
    return `        ${last ? '*' : index}) ${answer(value)} ;;`;
  });

const commandCase = (command: CompletedCommand): string =>
  [
    `    ${command.name})`,
    '      case "$before" in',
    ...valueCases(command),
    '      esac',
    `      if [[ $word == -* ]]; then _berth_words "${words(command.options.flatMap(({ names }) => names))}"; return; fi`,
    '      case $place in',
    ...placeCases(command),
    '      esac ;;',
  ].join('\n');

/** Options whose next word is their value, so that it is not counted as a place. */
const withValue = (commands: readonly CompletedCommand[]): string => {
  const names = commands.flatMap(({ options }) =>
    options.flatMap(({ names, value }) => (value === undefined ? [] : names)),
  );
  return [...new Set(names)].join('|');
};

/** The script that `source <(berth completion bash)` reads; it needs bash 4 and no other package. */
export const bashCompletion = (
  commands: readonly CompletedCommand[],
): string => `# bash completion of berth, written by: berth completion bash
_berth_words() { mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "$word"); }

_berth_files() {
  compopt -o filenames
  mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
}

# Words with commas between them: what stands before the last comma stays.
_berth_list() {
  local head=
  [[ $word == *,* ]] && head=\${word%,*},
  mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -P "$head" -W "$1" -- "\${word##*,}")
}

_berth_hosts() {
  [[ -n $profile ]] && berth completion --hosts-of "$profile" 2>/dev/null
}

_berth() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= profile= place=0 index one
  COMPREPLY=()
  # bash splits --level=node into three words.
  if [[ $word == '=' ]]; then word=; elif [[ $before == '=' ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    one=\${COMP_WORDS[index]}
    case $one in
      -p | --profile) profile=\${COMP_WORDS[index + 1]}; ((index++)) ;;
      ${withValue(commands)}) ((index++)) ;;
      -*|'=') ;;
      *)
        if [[ -z $command ]]; then command=$one
        else
          [[ -f $one && -z $profile ]] && profile=$one
          ((place++))
        fi ;;
    esac
  done
  [[ -z $profile && -f berth.yaml ]] && profile=berth.yaml
  case "$command" in
    '')
      if [[ $word == -* ]]; then _berth_words "--help --version"
      else _berth_words "${words(commands.map(({ name }) => name))}"; fi ;;
${commands.map(commandCase).join('\n')}
  esac
}
complete -F _berth berth
`;
