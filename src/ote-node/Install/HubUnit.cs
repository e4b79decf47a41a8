using System.Net;
using System.Text;
using Ote.Node.EdgeHub;

namespace Ote.Node.Install;

/// <summary>The hub as a systemd service. Pure.</summary>
internal static class HubUnit
{
    /// <summary>The service's name.</summary>
    public const string Name = "ote-node.service";

    private const string Command = "ExecStart=";

    /// <summary>
    /// The unit's text. The hub comes back at once when it dies, before a kubelet's requests give up, and when it hangs for 20 s, half of what Kubernetes waits for a node: then without a core of it on the disk, which would hold secrets. Nothing waits for it to be ready, since a kubelet that starts
    /// before it asks again. It is root, since kubeconfigs of components are root's, and may change nothing but its own folders.
    /// </summary>
    /// <param name="program">The executable.</param>
    /// <param name="arguments">After <c>edgehub</c>.</param>
    /// <param name="writes">Folders it writes to.</param>
    public static string Text(string program, IEnumerable<string> arguments, IEnumerable<string> writes) => $"""
        [Unit]
        Description=EdgeHub of OTE-Stack: the API server of this node's components
        After=network.target
        Before=kubelet.service
        StartLimitIntervalSec=0

        [Service]
        {ExecStart([program, "edgehub", .. arguments])}
        Restart=always
        RestartSec=1
        WatchdogSec=20
        WatchdogSignal=SIGKILL
        UMask=0077
        NoNewPrivileges=yes
        ProtectSystem=strict
        ProtectHome=read-only
        PrivateTmp=yes
        ReadWritePaths={string.Join(' ', writes.Select(Quoted))}

        [Install]
        WantedBy=multi-user.target

        """;

    /// <summary>The components' own kubeconfigs that an installed unit names.</summary>
    public static IEnumerable<string> KubeconfigsOf(string unit) => ValuesOf(unit, "--kubeconfig");

    /// <summary>The name of the node that an installed unit's hub serves.</summary>
    public static string NodeOf(string unit) => ValuesOf(unit, "--node-name").LastOrDefault() ?? Environment.MachineName.ToLowerInvariant();

    /// <summary>Where the hub of an installed unit listens; null: nowhere that can be read, or at any free port.</summary>
    public static IPEndPoint? ListenOf(string unit) =>
        ValuesOf(unit, "--listen", "-l").LastOrDefault() is not { } said ? HubArguments.UsualListen
        : IPEndPoint.TryParse(said, out var listen) && listen.Port != 0 ? listen
        : null;

    /// <summary>The line of a unit that names a command.</summary>
    public static string ExecStart(IEnumerable<string> command) => Command + string.Join(' ', command.Select(Quoted));

    /// <summary>The words of an installed unit's command line, the program's first; empty: it has none.</summary>
    public static IReadOnlyList<string> CommandOf(string unit) =>
        unit.Split('\n').FirstOrDefault(line => line.StartsWith(Command, StringComparison.Ordinal)) is { } line ? Words(line[Command.Length..]) : [];

    /// <summary>What an installed unit's command line says for an option.</summary>
    /// <param name="unit">The unit's text.</param>
    /// <param name="names">The option's names.</param>
    public static IEnumerable<string> ValuesOf(string unit, params string[] names)
    {
        var words = CommandOf(unit);
        for (var i = 0; i < words.Count; i++)
        {
            if (names.FirstOrDefault(name => words[i].StartsWith(name + "=", StringComparison.Ordinal)) is { } named)
            {
                yield return words[i][(named.Length + 1)..];
            }
            else if (names.Contains(words[i]) && i + 1 < words.Count)
            {
                yield return words[i + 1];
            }
        }
    }

    /// <summary>As systemd reads a command line (systemd.service(5)): quotes hold spaces, and neither specifiers nor variables are put in.</summary>
    public static string Quoted(string word)
    {
        var safe = word.Replace("%", "%%", StringComparison.Ordinal).Replace("$", "$$", StringComparison.Ordinal);
        return safe.Length > 0 && safe.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=,@%$".Contains(c, StringComparison.Ordinal)) ? safe
            : "\"" + safe.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
    }

    /// <summary>The words of a command line that <see cref="Quoted"/> wrote.</summary>
    private static List<string> Words(string line)
    {
        List<string> words = [];
        StringBuilder word = new();
        var (quoted, begun) = (false, false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == ' ' && !quoted)
            {
                if (begun)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    begun = false;
                }

                continue;
            }

            begun = true;
            if (c == '"')
            {
                quoted = !quoted;
                continue;
            }

            // Each of the three stands for the character behind it.
            i += c is '\\' or '%' or '$' && i + 1 < line.Length ? 1 : 0;
            word.Append(line[i]);
        }

        return begun ? [.. words, word.ToString()] : words;
    }
}
