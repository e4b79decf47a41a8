using System.Text;
using Ote.Cluster.Backup;

namespace Ote.Tests.Cluster.Backup;

public sealed class BackupArchiveTests : IDisposable
{
    private static readonly DateTimeOffset TakenAt = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-backup-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_written_is_read_and_each_file_is_its_owners_alone()
    {
        var (manifest, bytes) = await WriteAsync();
        var into = Path.Combine(_folder, "into");
        var read = await BackupArchive.ReadAsync(new MemoryStream(bytes), into, Ct);
        Assert.Equal((manifest.Uid, manifest.CaPin, manifest.TakenAt, manifest.Version), (read.Uid, read.CaPin, read.TakenAt, read.Version));
        Assert.Equal(manifest.Files, read.Files);
        Assert.Equal("the key", await File.ReadAllTextAsync(Path.Combine(into, "identity", "ca.key"), Ct));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(into, "identity", "ca.key")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(into, "identity")));
    }

    [Fact]
    public async Task One_that_was_cut_short_anywhere_is_refused()
    {
        var (_, bytes) = await WriteAsync();
        const int EndMarks = 64; // of the packing, behind the last byte of the last file
        for (var length = 0; length < bytes.Length - EndMarks; length += 7)
        {
            await Assert.ThrowsAsync<BackupException>(() => BackupArchive.ReadAsync(new MemoryStream(bytes, 0, length), null, Ct));
        }
    }

    [Fact]
    public async Task A_file_that_is_not_what_was_backed_up_is_refused_by_name()
    {
        var (manifest, _) = await WriteAsync();
        await File.WriteAllTextAsync(Path.Combine(_folder, "from", "identity", "ca.key"), "an'key!", Ct); // of the same length
        var bytes = await WriteAsync(manifest);
        var refused = await Assert.ThrowsAsync<BackupException>(() => BackupArchive.ReadAsync(new MemoryStream(bytes), null, Ct));
        Assert.Contains("identity/ca.key", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../escaped")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a/./b")]
    [InlineData("")]
    public async Task A_name_that_leads_out_of_the_directory_is_refused(string name)
    {
        var (manifest, _) = await WriteAsync();
        var hostile = manifest with { Files = [new BackupFile(name, 1, "00")] };
        Assert.Throws<BackupException>(() => BackupManifest.Read(hostile.ToBytes()));
    }

    [Fact]
    public async Task Another_format_is_refused_with_the_version_that_wrote_it()
    {
        var (manifest, _) = await WriteAsync();
        var text = Encoding.UTF8.GetString(manifest.ToBytes()).Replace("\"format\":1", "\"format\":2", StringComparison.Ordinal);
        Assert.Contains("0.0.7", Assert.Throws<BackupException>(() => BackupManifest.Read(Encoding.UTF8.GetBytes(text))).Message, StringComparison.Ordinal);
    }

    private async Task<(BackupManifest Manifest, byte[] Bytes)> WriteAsync()
    {
        var from = Path.Combine(_folder, "from");
        Directory.CreateDirectory(Path.Combine(from, "identity"));
        await File.WriteAllTextAsync(Path.Combine(from, "identity", "ca.key"), "the key", Ct);
        await File.WriteAllTextAsync(Path.Combine(from, "journal.db"), "rows", Ct);
        var manifest = new BackupManifest
        {
            Uid = "u-1",
            CaPin = "sha256:00",
            TakenAt = TakenAt,
            Version = "0.0.7",
            Files = [BackupArchive.Describe(from, "identity/ca.key"), BackupArchive.Describe(from, "journal.db")],
        };
        return (manifest, await WriteAsync(manifest));
    }

    private async Task<byte[]> WriteAsync(BackupManifest manifest)
    {
        using var target = new MemoryStream();
        await BackupArchive.WriteAsync(manifest, Path.Combine(_folder, "from"), target, Ct);
        return target.ToArray();
    }
}
