using System.CommandLine;
using System.Globalization;
using Ote.Roles.Hosting;

namespace Ote.Roles.Backup;

/// <summary><c>ote restore</c>: a root's data directory out of a backup, before the root is started on it.</summary>
internal static class RestoreCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A backup that otectl backup wrote" };
        var data = new Option<string>("--data") { Description = "The root's new data directory: missing, or empty", Required = true };
        var common = new CommonOptions();
        var command = new Command("restore", "Make a root's data directory out of a backup") { file, data };
        command.Options.Add(common.Level);
        command.Options.Add(common.Json);
        command.SetAction((parsed, _) => common.RunAsync(parsed, async host =>
        {
            var target = Path.GetFullPath(parsed.GetRequiredValue(data));
            var manifest = await Restoration.RunAsync(parsed.GetRequiredValue(file), target, host.Time, host.Stop).ConfigureAwait(false);
            await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"restored root {manifest.Uid} as of {manifest.TakenAt:u} to {target}")).ConfigureAwait(false);
            await Console.Out.WriteLineAsync($"ca-pin {manifest.CaPin}").ConfigureAwait(false);
            await Console.Error.WriteLineAsync(
                "Before you start it: the former root must not run any more, its address must lead to this machine, "
                + "and clusters that were revoked since the backup have to be revoked again. If otectl ca rotate finish was carried out after that time, clusters "
                + "trust another CA than the one above and refuse this root: restore a newer backup instead.").ConfigureAwait(false);
        }));
        return command;
    }
}
