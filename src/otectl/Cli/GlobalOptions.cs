using System.CommandLine;
using Ote.Ctl.Output;

namespace Ote.Ctl.Cli;

/// <summary>The options every command takes.</summary>
internal sealed class GlobalOptions
{
    /// <summary>Where the tree's own objects live, and the commands of <c>apply</c> unless it is told otherwise.</summary>
    internal const string ControlNamespace = "ote-system";

    internal Option<string?> Kubeconfig { get; } = new("--kubeconfig")
    {
        Description = "Kubeconfig of the control API (default: $KUBECONFIG, else ~/.kube/config)",
        HelpName = "FILE",
        Recursive = true,
    };

    internal Option<string?> Context { get; } = new("--context")
    {
        Description = "Context in the kubeconfig (default: its current context)",
        HelpName = "NAME",
        Recursive = true,
    };

    internal Option<string?> Namespace { get; } = new("--namespace", "-n")
    {
        Description = "Namespace: of command objects (default: all), with apply of objects that name none, with get, logs and exec of what is asked for (default: default)",
        HelpName = "NAME",
        Recursive = true,
    };

    internal Option<string?> Output { get; } = OutputOption();

    internal Option<bool> NoColor { get; } = new("--no-color")
    {
        Description = "No colours, not even on a terminal (NO_COLOR does the same)",
        Recursive = true,
    };

    internal void AddTo(Command root)
    {
        root.Add(Kubeconfig);
        root.Add(Context);
        root.Add(Namespace);
        root.Add(Output);
        root.Add(NoColor);
    }

    private static Option<string?> OutputOption()
    {
        var option = new Option<string?>("--output", "-o")
        {
            Description = "Output: wide, json, yaml or name (default: a table)",
            HelpName = "FORMAT",
            Recursive = true,
        };
        option.AcceptOnlyFromAmong([.. OutputFormats.Names]);
        return option;
    }
}
