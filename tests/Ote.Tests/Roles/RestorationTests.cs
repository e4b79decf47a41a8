using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Kube.Server;
using Ote.Roles.Backup;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles;

/// <summary>Of the files of a root a backup is made, and of that a root's files again.</summary>
public sealed class RestorationTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-restore-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Root => Path.Combine(_folder, "root");

    private string Backup => Path.Combine(_folder, "backup");

    private string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Restored_root_is_the_same_one_with_beats_it_can_never_have_told_before()
    {
        var (pin, highest) = await BackUpAsync();
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(pin, (await RestoreAsync()).CaPin);
        Assert.Null(Restoration.Objection(Data));
        Assert.Equal(pin, CertificateAuthority.LoadOrCreate(Path.Combine(Data, "identity"), _time).Pin.ToString());
        var first = EpochCounter.Load(Path.Combine(Data, "identity"));
        var told = first.Next(0);
        Assert.True(told > highest, $"{told} after {highest}");

        // The same backup once more, after the restored root has counted for a day: its beats are not those of the first life.
        for (var i = 0; i < 5000; i++)
        {
            told = first.Next(0);
        }

        _time.Advance(TimeSpan.FromDays(1));
        Directory.Delete(Data, recursive: true);
        await RestoreAsync();
        Assert.True(EpochCounter.Load(Path.Combine(Data, "identity")).Next(0) > told);
    }

    [Fact]
    public async Task Directory_that_is_not_empty_is_left_as_it_is()
    {
        await BackUpAsync();
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "mine"), "x", Ct);
        Assert.Contains("not empty", (await Assert.ThrowsAsync<RoleException>(RestoreAsync)).Message, StringComparison.Ordinal);
        Assert.Equal(["mine"], Directory.GetFileSystemEntries(Data).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Backup_that_is_cut_short_leaves_nothing_behind(bool existed)
    {
        await BackUpAsync();
        await using (var file = File.OpenWrite(Backup))
        {
            file.SetLength(file.Length / 2);
        }

        if (existed)
        {
            Directory.CreateDirectory(Data);
        }

        Assert.Contains(Backup, (await Assert.ThrowsAsync<RoleException>(RestoreAsync)).Message, StringComparison.Ordinal);
        File.Delete(Backup);
        Assert.EndsWith("; name the file that otectl backup wrote", (await Assert.ThrowsAsync<RoleException>(RestoreAsync)).Message, StringComparison.Ordinal);
        Assert.Equal(existed, Directory.Exists(Data));
        Assert.Empty(existed ? Directory.GetFileSystemEntries(Data) : []);
    }

    [Fact]
    public async Task Clock_behind_the_backup_is_refused()
    {
        await BackUpAsync();
        var behind = new FakeTimeProvider(_time.GetUtcNow().AddMinutes(-1));
        Assert.Contains("set the clock", (await Assert.ThrowsAsync<RoleException>(() => Restoration.RunAsync(Backup, Data, behind, Ct))).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task Restore_during_which_the_process_died_is_no_root()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, Restoration.UnfinishedMark), "", Ct);
        Assert.Contains("did not come to its end", Restoration.Objection(Data), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copies_of_a_backup_during_which_the_process_died_are_removed()
    {
        var left = Path.Combine(Root, "backup.tmp", "identity");
        Directory.CreateDirectory(left);
        await File.WriteAllTextAsync(Path.Combine(left, "ca.key"), "secret", Ct);
        new BackupService(Root, "1", _time).Clear();
        Assert.False(Directory.Exists(Path.Combine(Root, "backup.tmp")));
    }

    private Task<Ote.Cluster.Backup.BackupManifest> RestoreAsync() => Restoration.RunAsync(Backup, Data, _time, Ct);

    /// <summary>Backs a root up whose files are in use; its pin, and a beat beyond any it told.</summary>
    private async Task<(string Pin, ulong Highest)> BackUpAsync()
    {
        var identity = Path.Combine(Root, "identity");
        using var authority = CertificateAuthority.LoadOrCreate(identity, _time);
        await File.WriteAllTextAsync(Path.Combine(identity, "uid"), Guid.NewGuid().ToString("D"), Ct);
        var beats = EpochCounter.Load(identity);
        beats.Next(0);
        await using var journal = SqliteJournal.Open(Path.Combine(Root, "journal.db"));
        await using var api = await ApiServer.StartAsync(
            new ApiServerOptions { Name = "root", DataDirectory = Path.Combine(Root, BackupService.Api) }, NullLoggerFactory.Instance, _time, Ct);
        _ = api.AuthorityPem; // makes its keys
        await using (var target = File.Create(Backup))
        {
            await new BackupService(Root, "1", _time).WriteAsync(target, Ct);
        }

        Assert.False(Directory.Exists(Path.Combine(Root, "backup.tmp")));
        var highest = 0UL;
        for (var i = 0; i < 3000; i++)
        {
            highest = beats.Next(0);
        }

        Assert.True(highest > ulong.Parse(await File.ReadAllTextAsync(Path.Combine(identity, "epoch"), Ct), CultureInfo.InvariantCulture) - 1001);
        return (authority.Pin.ToString(), highest);
    }
}
