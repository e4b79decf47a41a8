using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Backup;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;

namespace Ote.Tests.Cluster.Backup;

public sealed class RootFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-root-files-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));

    private string Data => Path.Combine(_folder, "data");

    private string Copy => Path.Combine(_folder, "copy");

    [Theory]
    [InlineData(0)] // no exchange
    [InlineData(1)] // both are being trusted
    [InlineData(2)] // the next one issues
    [InlineData(3)] // the former one is kept for late ones
    public async Task Copy_is_the_same_root_however_far_the_exchange_of_its_CA_is(int steps)
    {
        using var authorities = await RootAsync();
        if (steps > 0) authorities.Start("1");
        if (steps > 1) authorities.Switch("2");
        if (steps > 2) authorities.Finish(TimeSpan.FromDays(1), "3");

        var (uid, pin) = RootFiles.Take(Data, Copy);

        Assert.Equal(("u-root", authorities.Active.Pin.ToString()), (uid, pin));
        using var copied = RootAuthorities.Load(Path.Combine(Copy, "identity"), _time);
        Assert.Equal((authorities.Phase, authorities.Trust.Version, authorities.Other?.Pin), (copied.Phase, copied.Trust.Version, copied.Other?.Pin));
    }

    [Fact]
    public async Task Copy_is_complete_when_the_former_CA_is_forgotten()
    {
        using var authorities = await RootAsync();
        authorities.Start("1");
        authorities.Switch("2");
        authorities.Finish(TimeSpan.Zero, "3");
        Assert.True(authorities.ForgetOther());

        Assert.Equal(authorities.Active.Pin.ToString(), RootFiles.Take(Data, Copy).CaPin);
    }

    [Fact]
    public async Task Folder_without_a_CA_is_no_root()
    {
        using (await RootAsync())
        {
            File.Delete(Path.Combine(Data, "identity", "ca.key"));
        }

        Assert.Throws<IdentityException>(() => RootFiles.Take(Data, Copy));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<RootAuthorities> RootAsync()
    {
        var identity = Path.Combine(Data, "identity");
        Directory.CreateDirectory(Copy);
        var authorities = RootAuthorities.LoadOrCreate(identity, _time, null);
        await File.WriteAllTextAsync(Path.Combine(identity, "uid"), "u-root", TestContext.Current.CancellationToken);
        EpochCounter.Load(identity).Next(0);
        await using var journal = SqliteJournal.Open(Path.Combine(Data, RootFiles.Journal));
        return authorities;
    }
}
