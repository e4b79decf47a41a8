using Ote.Node.Install;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Node.Install;

public sealed class SystemdTests : IDisposable
{
    private readonly Scratch _folder = new("journal");

    public void Dispose() => _folder.Dispose();

    /// <summary>As journalctl 252 does: of the lines since a time it shows the first ones, and the last ones only when it begins at the end.</summary>
    [Fact]
    public async Task What_a_service_said_last_is_found_behind_whatever_it_said_before()
    {
        var journalctl = _folder["journalctl"];
        Directory.CreateDirectory(Path.GetDirectoryName(journalctl)!);
        await File.WriteAllTextAsync(journalctl, """
            #!/bin/sh
            most=$(printf '%s\n' "$@" | sed -n 's/^--lines=//p')
            { echo 'error: of the run before.'; seq -f 'line %g' 1000; echo 'error: the agent has not joined.'; echo 'Scheduled restart job'; } | case "$*" in *--reverse*) tac | head -n "$most" ;; *) head -n "$most" ;; esac
            """, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(journalctl, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        IServices services = new Systemd(journalctl);
        Assert.Equal("the agent has not joined", await services.ErrorOfAsync("ote-node.service", DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken));
        Assert.Equal(["error: the agent has not joined.", "Scheduled restart job"], (await services.JournalAsync("ote-node.service", DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken)).TakeLast(2));
    }
}
