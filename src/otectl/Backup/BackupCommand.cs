using System.CommandLine;
using System.Globalization;
using Ote.Ctl.Cli;
using Ote.Kube.Client;

namespace Ote.Ctl.Backup;

/// <summary><c>otectl backup</c>: all that a root keeps, in one file, while it works.</summary>
internal static class BackupCommand
{
    private const string ServedAt = "ote/v1/backup";

    /// <summary>The root copies its store before it answers.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    internal static Command Build(CommandRunner runner)
    {
        var file = new Argument<string>("FILE") { Description = "Where the backup goes; readable by its owner alone" };
        var force = new Option<bool>("--force") { Description = "Replace the file if it is there" };
        return runner.Attach(
            new Command("backup", "Back up the root's store and identity to a file, while it works.") { file, force },
            (run, cancellation) => RunAsync(run, run.Typed.GetRequiredValue(file), run.Typed.GetValue(force), cancellation));
    }

    private static async Task<ExitCode> RunAsync(Invocation run, string file, bool force, CancellationToken cancellation)
    {
        var target = new BackupTarget(file, force);
        target.Check();
        using var request = new HttpRequestMessage(HttpMethod.Get, ServedAt);
        request.Options.Set(AnswerTimeout.Patience, Patience);
        using var answer = await OpenAsync(run, request, cancellation).ConfigureAwait(false);
        var content = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            var (manifest, bytes) = await target.WriteAsync(content, run.World.Time, cancellation).ConfigureAwait(false);
            run.Out.Write(string.Create(CultureInfo.InvariantCulture, $"backup of root {manifest.Uid} ({manifest.CaPin}) as of {manifest.TakenAt:u} written to {file}, {bytes} bytes\n"));
        }

        run.Note($"{run.ErrorPaint.Bad("keep it secret:")} {file} holds the key of the tree's CA and all stored objects; whoever reads it can admit clusters and command all of them");
        return ExitCode.Ok;
    }

    private static async Task<HttpResponseMessage> OpenAsync(Invocation run, HttpRequestMessage request, CancellationToken cancellation)
    {
        try
        {
            return await run.Api.OpenAsync(request, $"GET {ServedAt}", cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException none) when (none.IsNotFound)
        {
            throw new CtlException(
                ExitCode.Failed,
                $"the control API at {run.Server} keeps no root that could be backed up; name the embedded API of a root (ote cluster-controller --api-listen) "
                + "with --kubeconfig. Of a tree of './ote up' stop it and copy its --data; docs/operate/backup.md tells of a root on a real Kubernetes",
                none);
        }
    }
}
