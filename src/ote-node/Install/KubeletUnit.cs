using System.Text.RegularExpressions;

namespace Ote.Node.Install;

/// <summary>How a kubelet's systemd unit says where its API server is, and a drop-in that says otherwise. Pure.</summary>
internal static partial class KubeletUnit
{
    private const string Mark = "# The kubelet asks the node's hub in place of the API server.";

    /// <summary>A drop-in by which the kubelet starts with another kubeconfig; its other arguments stay.</summary>
    /// <param name="unit">The unit with its drop-ins, in the order in which they count (<c>systemctl cat</c>).</param>
    /// <param name="kubeconfig">The other kubeconfig.</param>
    /// <param name="dropIn">The drop-in's text.</param>
    /// <returns>False when the unit names no kubeconfig, in its arguments or in a variable of its own.</returns>
    public static bool TryRedirect(string unit, string kubeconfig, out string dropIn)
    {
        // The last that sets it counts. In kubeadm's it is a variable, in others the command itself.
        string? environment = null, command = null;
        foreach (var line in Lines(unit))
        {
            if (line.StartsWith("Environment=", StringComparison.Ordinal) && Kubeconfig().IsMatch(line))
            {
                environment = line;
            }
            else if (line.StartsWith("ExecStart=", StringComparison.Ordinal))
            {
                command = line.Length > "ExecStart=".Length && Kubeconfig().IsMatch(line) ? line : null;
            }
        }

        dropIn = "";
        if ((command ?? environment) is not { } found)
        {
            return false;
        }

        var changed = Kubeconfig().Replace(found, match => match.Groups["before"].Value + match.Groups["flag"].Value + kubeconfig);
        dropIn = $"""
            {Mark} `ote-node uninstall` removes this.
            [Unit]
            Wants=ote-node.service
            After=ote-node.service

            [Service]
            {(found == command ? $"ExecStart=\n{changed}" : changed)}

            """;
        return true;
    }

    /// <summary>Whether a drop-in is one that an installation wrote.</summary>
    public static bool IsOurs(string dropIn) => dropIn.StartsWith(Mark, StringComparison.Ordinal);

    /// <summary>A unit without one of its drop-ins: <c>systemctl cat</c> writes each file behind a comment that is its path.</summary>
    public static string Without(string unit, string file)
    {
        var begins = unit.IndexOf($"# {file}\n", StringComparison.Ordinal);
        if (begins < 0)
        {
            return unit;
        }

        var next = unit.IndexOf("\n# /", begins, StringComparison.Ordinal);
        return unit[..begins] + (next < 0 ? "" : unit[(next + 1)..]);
    }

    /// <summary>The kubeconfig that a unit names; null: none.</summary>
    public static string? KubeconfigOf(string unit) =>
        Lines(unit).Where(line => line.StartsWith("Environment=", StringComparison.Ordinal) || line.StartsWith("ExecStart=", StringComparison.Ordinal))
            .Select(line => Kubeconfig().Match(line)).LastOrDefault(match => match.Success)?.Groups["path"].Value;

    /// <summary>The file that makes a unit name a kubeconfig: the last of those that name one. Null: none does, or its text tells of no files.</summary>
    /// <param name="unit">The unit with its drop-ins (<c>systemctl cat</c>).</param>
    public static string? FileOf(string unit)
    {
        string? file = null, naming = null;
        foreach (var part in $"\n{unit}".Split("\n# /").Skip(1)) // each file behind a comment that is its path
        {
            var path = "/" + part.Split('\n')[0];
            file = path.EndsWith(".service", StringComparison.Ordinal) || path.EndsWith(".conf", StringComparison.Ordinal) ? path : file; // or a comment of its own
            naming = KubeconfigOf(part) is null ? naming : file;
        }

        return naming;
    }

    /// <summary>Its lines, those that go on on the next one put together (systemd.syntax(7)).</summary>
    private static IEnumerable<string> Lines(string unit) =>
        unit.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] is not ('#' or ';'));

    [GeneratedRegex("""(?<before>^|[\s"'=])(?<flag>--kubeconfig(=|\s+))(?<path>[^\s"']+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Kubeconfig();
}
