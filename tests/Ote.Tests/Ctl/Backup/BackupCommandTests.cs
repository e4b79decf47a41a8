using Ote.Cluster.Backup;
using Ote.Ctl;

namespace Ote.Tests.Ctl.Backup;

public sealed class BackupCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-ctl-").FullName;

    private string File => Path.Combine(_folder, "root.backup");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Backup_is_checked_is_its_owners_alone_and_says_what_it_holds()
    {
        await using var world = await StartAsync(WholeAsync);
        var run = await world.RunAsync("backup", File);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("u-1", run.Out, StringComparison.Ordinal);
        Assert.Contains("sha256:00", run.Out, StringComparison.Ordinal);
        Assert.Contains("holds the key of the tree's CA", run.Error, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task File_that_is_there_is_replaced_by_force_alone()
    {
        await using var world = await StartAsync(WholeAsync);
        await System.IO.File.WriteAllTextAsync(File, "of yesterday", CtlWorld.Stop);
        var run = await world.RunAsync("backup", File);
        Assert.Equal((int)ExitCode.Failed, run.Code);
        Assert.Contains("--force", run.Error, StringComparison.Ordinal);
        Assert.Equal("of yesterday", await System.IO.File.ReadAllTextAsync(File, CtlWorld.Stop));
        Assert.Equal(0, (await world.RunAsync("backup", File, "--force")).Code);
        Assert.NotEqual("of yesterday", await System.IO.File.ReadAllTextAsync(File, CtlWorld.Stop));
    }

    [Fact]
    public async Task A_file_that_cannot_be_is_at_fault_itself()
    {
        await using var world = await StartAsync(WholeAsync);
        var folder = await world.RunAsync("backup", _folder, "--force");
        Assert.Equal((1, $"error: {_folder} is a directory; name a file in it\n"), (folder.Code, folder.Error));
        var nowhere = await world.RunAsync("backup", Path.Combine(_folder, "no", "x"));
        Assert.Equal(1, nowhere.Code);
        Assert.Contains($"there is no directory {_folder}/no; make it, or choose another place", nowhere.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_that_ends_early_leaves_the_former_file()
    {
        await using var world = await StartAsync(async (target, ct) =>
        {
            using var whole = new MemoryStream();
            await WholeAsync(whole, ct);
            await target.WriteAsync(whole.GetBuffer().AsMemory(0, (int)whole.Length / 2), ct);
        });
        await System.IO.File.WriteAllTextAsync(File, "of yesterday", CtlWorld.Stop);
        var run = await world.RunAsync("backup", File, "--force");
        Assert.Equal((int)ExitCode.Failed, run.Code);
        Assert.Contains("no whole backup", run.Error, StringComparison.Ordinal);
        Assert.Equal("of yesterday", await System.IO.File.ReadAllTextAsync(File, CtlWorld.Stop));
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Root_that_cannot_take_one_says_why()
    {
        await using var world = await StartAsync((_, _) => throw new IOException("the disk is full"));
        var run = await world.RunAsync("backup", File);
        Assert.Equal((int)ExitCode.Failed, run.Code);
        Assert.Contains("the disk is full", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Api_of_no_root_is_told_with_the_next_step()
    {
        await using var world = await CtlWorld.StartAsync();
        var run = await world.RunAsync("backup", File);
        Assert.Equal((int)ExitCode.Failed, run.Code);
        Assert.Contains("docs/operate/backup.md", run.Error, StringComparison.Ordinal);
    }

    private static Task<CtlWorld> StartAsync(Func<Stream, CancellationToken, Task> download) =>
        CtlWorld.StartAsync(options: o => o with { Downloads = new Dictionary<string, Func<Stream, CancellationToken, Task>> { ["/ote/v1/backup"] = download } });

    private async Task WholeAsync(Stream target, CancellationToken ct)
    {
        var from = Directory.CreateDirectory(Path.Combine(_folder, "from")).FullName;
        await System.IO.File.WriteAllTextAsync(Path.Combine(from, "journal.db"), "rows", ct);
        var manifest = new BackupManifest { Uid = "u-1", CaPin = "sha256:00", TakenAt = CtlWorld.Start, Version = "1", Files = [BackupArchive.Describe(from, "journal.db")] };
        await BackupArchive.WriteAsync(manifest, from, target, ct);
    }
}
