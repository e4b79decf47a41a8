using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Journal;

namespace Ote.Tests.Cluster.Journal;

public sealed class JournalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-journal-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "journal.db");

    [Fact]
    public async Task What_was_written_is_there_after_the_file_is_opened_from_a_copy_taken_while_it_was_in_use()
    {
        await using var journal = SqliteJournal.Open(Path);
        await journal.WriteAsync(Put("a", "1", "x"), Put("a", "2", "y"), Put("b", "1", "z"));
        await journal.WriteAsync(JournalChange.Remove("a", "1"), Put("a", "2", "yy"));

        var copy = System.IO.Path.Combine(_folder, "copy.db");
        foreach (var suffix in new[] { "", "-wal" })
        {
            File.Copy(Path + suffix, copy + suffix);
        }

        await using var again = SqliteJournal.Open(copy);
        Assert.Equal(["2=yy"], again.Load("a").Select(r => $"{r.Key}={Encoding.UTF8.GetString(r.Value)}"));
        Assert.Single(again.Load("b"));
    }

    [Fact]
    public async Task Many_writers_at_once_all_become_durable_and_later_writes_win()
    {
        await using (var journal = SqliteJournal.Open(Path))
        {
            await Task.WhenAll(Enumerable.Range(0, 2000).Select(i => journal.WriteAsync(Put("a", $"{i % 500:d4}", $"{i}"))));
        }

        await using var again = SqliteJournal.Open(Path);
        var rows = again.Load("a");
        Assert.Equal(500, rows.Count);
        Assert.All(rows, r => Assert.Equal(1500 + int.Parse(r.Key, null), int.Parse(Encoding.UTF8.GetString(r.Value), null)));
    }

    [Fact]
    public async Task Rows_to_be_forgotten_cost_no_write_of_their_own_when_another_comes_soon()
    {
        await using var journal = SqliteJournal.Open(Path, new FakeTimeProvider());
        await journal.WriteAsync(Put("a", "1", "x"), Put("a", "2", "y"));
        await journal.ForgetAsync("a", ["1"]);
        Assert.Equal(["1", "2"], journal.Load("a").Select(r => r.Key));

        await journal.WriteAsync(Put("a", "3", "z"));
        Assert.Equal(["2", "3"], journal.Load("a").Select(r => r.Key));
    }

    [Fact]
    public async Task Rows_to_be_forgotten_go_alone_when_their_patience_ends_and_when_the_journal_closes()
    {
        FakeTimeProvider time = new();
        await using (var journal = SqliteJournal.Open(Path, time))
        {
            await journal.WriteAsync(Put("a", "1", "x"), Put("a", "2", "y"));
            await journal.ForgetAsync("a", ["1"]);
            while (journal.Load("a").Count == 2)
            {
                time.Advance(SqliteJournal.Patience);
                await Task.Yield();
            }

            await journal.ForgetAsync("a", ["2"]);
        }

        await using var again = SqliteJournal.Open(Path);
        Assert.Empty(again.Load("a"));
    }

    [Fact]
    public async Task What_a_write_failed_at_is_told_until_a_write_succeeds_also_when_nobody_writes()
    {
        FakeTimeProvider time = new();
        await using var journal = SqliteJournal.Open(Path, time);
        await journal.WriteAsync(Put("a", "1", "x"));
        Assert.Null(journal.Fault);

        Run("ALTER TABLE journal RENAME TO away"); // as good as a disk that takes nothing
        var refused = await Assert.ThrowsAsync<JournalException>(() => journal.WriteAsync(Put("a", "2", "y")));
        Assert.Equal(refused.Message, journal.Fault);
        Assert.StartsWith($"journal {Path} cannot be written: ", journal.Fault, StringComparison.Ordinal);

        Run("ALTER TABLE away RENAME TO journal");
        while (journal.Fault is not null)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            time.Advance(SqliteJournal.ProofEvery);
            await Task.Yield();
        }

        await journal.WriteAsync(Put("a", "2", "y"));
        Assert.Equal(["1", "2"], journal.Load("a").Select(r => r.Key));
    }

    [Fact]
    public async Task A_journal_that_cannot_be_written_closes_at_once()
    {
        var journal = SqliteJournal.Open(Path, new FakeTimeProvider());
        Run("ALTER TABLE journal RENAME TO away");
        await Assert.ThrowsAsync<JournalException>(() => journal.WriteAsync(Put("a", "2", "y")));
        await journal.DisposeAsync();
        await Assert.ThrowsAsync<JournalException>(() => journal.WriteAsync(Put("a", "3", "z")));
    }

    [Fact]
    public async Task File_is_for_its_owner_only()
    {
        await using var journal = SqliteJournal.Open(Path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused_by_name()
    {
        File.WriteAllText(Path, new string('x', 5000));
        var refused = Assert.Throws<JournalException>(() => SqliteJournal.Open(Path));
        Assert.Contains(Path, refused.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Run(string sql)
    {
        using var other = new SqliteConnection($"Data Source={Path};Pooling=False");
        other.Open();
        using var command = other.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static JournalChange Put(string book, string key, string value) => JournalChange.Put(book, key, Encoding.UTF8.GetBytes(value));
}
