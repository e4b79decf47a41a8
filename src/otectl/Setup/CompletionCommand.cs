using System.CommandLine;
using Ote.Ctl.Cli;

namespace Ote.Ctl.Setup;

/// <summary><c>otectl completion bash|zsh|fish</c>: scripts that ask the hidden <c>__complete</c> command at each Tab.</summary>
internal static class CompletionCommand
{
    // The word before the cursor is passed even when it is empty; everything else is the program's business. Its input is not the terminal:
    // a program of .NET changes the modes of a terminal it reads from, and the line editor is in the middle of a line.
    private const string Bash = """
        # bash completion for otectl; load it with: source <(otectl completion bash)
        _otectl() {
            local line
            COMPREPLY=()
            while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(otectl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" </dev/null 2>/dev/null)
            if [ ${#COMPREPLY[@]} -eq 0 ]; then
                compopt -o default 2>/dev/null
            fi
        }
        complete -F _otectl otectl
        """;

    private const string Zsh = """
        #compdef otectl
        # zsh completion for otectl; load it with: source <(otectl completion zsh)
        _otectl() {
            local -a found
            found=("${(@f)$(otectl __complete "${(@)words[2,$CURRENT]}" </dev/null 2>/dev/null)}")
            found=("${(@)found:#}")
            if (( ${#found} )); then
                compadd -Q -- "${found[@]}"
            else
                _files
            fi
        }
        if [ "$funcstack[1]" = "_otectl" ]; then
            _otectl "$@"
        else
            compdef _otectl otectl
        fi
        """;

    private const string Fish = """
        # fish completion for otectl; load it with: otectl completion fish | source
        function __otectl_complete
            set -l words (commandline -opc) (commandline -ct)
            otectl __complete $words[2..-1] </dev/null 2>/dev/null
        end
        complete -c otectl -f -a '(__otectl_complete)'
        complete -c otectl -s f -l filename -r -F
        complete -c otectl -l kubeconfig -r -F
        """;

    internal static Command Build(CommandRunner runner)
    {
        var shell = new Argument<string>("SHELL") { HelpName = "SHELL", Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        return runner.Attach(
            new Command("completion", "Print a script that completes commands, options and names in a shell.") { shell },
            (run, _) =>
            {
                run.Out.Write(Script(run.Typed.GetValue(shell)!) + "\n");
                return Task.FromResult(ExitCode.Ok);
            });
    }

    internal static string Script(string shell) => shell switch { "bash" => Bash, "zsh" => Zsh, _ => Fish };
}
