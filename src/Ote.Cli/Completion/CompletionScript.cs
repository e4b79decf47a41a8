namespace Ote.Cli.Completion;

/// <summary>Scripts of shells that ask a program's hidden <c>__complete</c> command at each Tab. Pure.</summary>
public static class CompletionScript
{
    /// <summary>The shells there are scripts for.</summary>
    public static IReadOnlyList<string> Shells { get; } = ["bash", "zsh", "fish"];

    // The word before the cursor is passed even when it is empty; everything else is the program's business. Its input is not the terminal:
    // a program of .NET changes the modes of a terminal it reads from, and the line editor is in the middle of a line.
    private const string Bash = """
        # bash completion for PROGRAM; load it with: source <(PROGRAM completion bash)
        _FUNCTION() {
            local line
            COMPREPLY=()
            while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(PROGRAM __complete "${COMP_WORDS[@]:1:COMP_CWORD}" </dev/null 2>/dev/null)
            if [ ${#COMPREPLY[@]} -eq 0 ]; then
                compopt -o default 2>/dev/null
            fi
        }
        complete -F _FUNCTION PROGRAM
        """;

    private const string Zsh = """
        #compdef PROGRAM
        # zsh completion for PROGRAM; load it with: source <(PROGRAM completion zsh)
        _FUNCTION() {
            local -a found
            found=("${(@f)$(PROGRAM __complete "${(@)words[2,$CURRENT]}" </dev/null 2>/dev/null)}")
            found=("${(@)found:#}")
            if (( ${#found} )); then
                compadd -Q -- "${found[@]}"
            else
                _files
            fi
        }
        if [ "$funcstack[1]" = "_FUNCTION" ]; then
            _FUNCTION "$@"
        else
            compdef _FUNCTION PROGRAM
        fi
        """;

    private const string Fish = """
        # fish completion for PROGRAM; load it with: PROGRAM completion fish | source
        function __FUNCTION_complete
            set -l words (commandline -opc) (commandline -ct)
            PROGRAM __complete $words[2..-1] </dev/null 2>/dev/null
        end
        complete -c PROGRAM -f -a '(__FUNCTION_complete)'
        """;

    /// <summary>The script.</summary>
    /// <param name="shell">One of <see cref="Shells"/>.</param>
    /// <param name="program">The executable's name.</param>
    /// <param name="fileOptions">Options that take a path (<c>--kubeconfig</c>, <c>-f</c>), which fish has to be told of; the other shells offer paths wherever nothing else may stand.</param>
    public static string Of(string shell, string program, IEnumerable<string> fileOptions)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(fileOptions);
        var script = shell switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "fish" => string.Join('\n', fileOptions.Select(option => $"complete -c PROGRAM {(option.StartsWith("--", StringComparison.Ordinal) ? "-l" : "-s")} {option.TrimStart('-')} -r -F").Prepend(Fish)),
            _ => throw new ArgumentException($"there is no script for '{shell}'", nameof(shell)),
        };
        return script.Replace("PROGRAM", program, StringComparison.Ordinal).Replace("FUNCTION", program.Replace('-', '_'), StringComparison.Ordinal);
    }
}
