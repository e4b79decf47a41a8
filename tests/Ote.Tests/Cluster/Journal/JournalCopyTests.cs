using Google.Protobuf;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Journal;

public sealed class JournalCopyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-journal-").FullName;

    private string Copy => Path.Combine(_folder, "copy.db");

    [Fact]
    public async Task A_copy_of_a_journal_in_use_holds_what_was_written_and_is_for_its_owner_only()
    {
        await using var journal = SqliteJournal.Open(Path.Combine(_folder, "journal.db"));
        await journal.WriteAsync(JournalChange.Put("a", "1", [1]));
        JournalCopy.Take(Path.Combine(_folder, "journal.db"), Copy);
        await journal.WriteAsync(JournalChange.Put("a", "2", [2]));
        JournalCopy.Check(Copy);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Copy));
        await using var again = SqliteJournal.Open(Copy);
        Assert.Equal(["1"], again.Load("a").Select(r => r.Key));
    }

    [Fact]
    public async Task Whatever_may_have_run_since_the_copy_is_a_replay_after_it_and_what_had_ended_stays_so()
    {
        await using (var journal = SqliteJournal.Open(Copy))
        {
            await journal.WriteAsync(
                Put(new ExecutionRecord { Command = new Command { CommandUid = "waiting", Generation = 1 }, Order = 1 }),
                Put(new ExecutionRecord { Result = new Receipt { CommandUid = "ended", Generation = 1, Code = 201 }, Order = 2 }));
        }

        JournalCopy.Renew(Copy, [("waiting", 1), ("ended", 1), ("unseen", 3)]);
        await using var again = SqliteJournal.Open(Copy);
        var records = again.Load(CommandExecutor.Book).ToDictionary(r => r.Key, r => ExecutionRecord.Parser.ParseFrom(r.Value));
        Assert.True(records["waiting.1"].Started);
        Assert.Equal((false, 201), (records["ended.1"].Started, records["ended.1"].Result.Code));
        Assert.Equal(["unseen.3"], again.Load(CommandExecutor.ReplayBook).Select(r => r.Key));
    }

    [Fact]
    public void A_damaged_copy_is_refused_by_name()
    {
        File.WriteAllText(Copy, new string('x', 5000));
        Assert.Contains(Copy, Assert.Throws<IOException>(() => JournalCopy.Check(Copy)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JournalChange Put(ExecutionRecord record) => JournalChange.Put(
        CommandExecutor.Book, Execution.KeyOf(record.Command?.CommandUid ?? record.Result.CommandUid, 1), record.ToByteArray());
}
