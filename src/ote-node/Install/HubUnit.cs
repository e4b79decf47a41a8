namespace Ote.Node.Install;

/// <summary>The hub as a systemd service. Pure.</summary>
internal static class HubUnit
{
    /// <summary>The service's name.</summary>
    public const string Name = "ote-node.service";

    /// <summary>
    /// The unit's text. The hub comes back at once when it dies, before a kubelet's requests give up; it is root, since kubeconfigs of components are root's, and may change nothing but its own folders.
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
        ExecStart={string.Join(' ', new[] { program, "edgehub" }.Concat(arguments).Select(Quoted))}
        Restart=always
        RestartSec=1
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
    public static IEnumerable<string> KubeconfigsOf(string unit)
    {
        var words = unit.Split('\n').FirstOrDefault(line => line.StartsWith("ExecStart=", StringComparison.Ordinal))?.Split(' ') ?? [];
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i].StartsWith("--kubeconfig=", StringComparison.Ordinal))
            {
                yield return words[i]["--kubeconfig=".Length..].Trim('"');
            }
            else if (words[i] == "--kubeconfig" && i + 1 < words.Length)
            {
                yield return words[i + 1].Trim('"');
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
}
