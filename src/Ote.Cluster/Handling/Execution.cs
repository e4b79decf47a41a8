using System.Globalization;
using Google.Protobuf;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>One command at its target, from taking it until its result is forgotten. Its owner serialises changes.</summary>
/// <param name="order">Of taking; a restart runs in this order.</param>
/// <param name="command">What is to be done.</param>
internal sealed class Execution(ulong order, Command command)
{
    public string Key { get; } = KeyOf(command.CommandUid, command.Generation);

    public ulong Order => order;

    /// <summary>What is to be done; once it is finished just what names it.</summary>
    public Command Command { get; private set; } = command;

    /// <summary>Completes when it is on disk.</summary>
    public Task Taken { get; set; } = Task.CompletedTask;

    /// <summary>The shim may have it, or get it at any moment.</summary>
    public bool Started { get; set; }

    /// <summary><see cref="Started"/> is on disk.</summary>
    public bool Marked { get; set; }

    /// <summary>It has counted as started, though it may have gone back to waiting for the shim.</summary>
    public bool Counted { get; set; }

    /// <summary>The shim may have carried it out already.</summary>
    public bool Replay { get; set; }

    /// <summary>When this process first gave it to the shim; null when it has not.</summary>
    public long? Began { get; set; }

    public bool Cancelled { get; set; }

    /// <summary>The newer generation for which it was cancelled; 0 when somebody wanted it to end.</summary>
    public ulong SupersededBy { get; set; }

    /// <summary>The machine's word of its end, once it is cancelled.</summary>
    public string CancelledWord => SupersededBy > 0 ? "Superseded" : "Cancelled";

    /// <summary>How it came to be cancelled, for people.</summary>
    public string CancelledBy => SupersededBy > 0 ? $"generation {SupersededBy.ToString(CultureInfo.InvariantCulture)} of the command took its place" : "cancelled";

    /// <summary>The outcome; null until it is finished.</summary>
    public Receipt? Result { get; private set; }

    /// <summary>Ends the shim's work on it, and any wait.</summary>
    public CancellationTokenSource Stop { get; } = new();

    public static string KeyOf(string commandUid, ulong generation) => $"{commandUid}.{generation}";

    public static Execution Restore(JournalRow row)
    {
        var record = ExecutionRecord.Parser.ParseFrom(row.Value);
        var command = record.Command ?? new Command
        {
            CommandUid = record.Result?.CommandUid ?? "",
            Generation = record.Result?.Generation ?? 0,
            Entry = record.Result?.Entry ?? "",
        };
        return new Execution(record.Order, command)
        {
            Started = record.Started,
            Marked = record.Started,
            Replay = record.Started,
            Cancelled = record.Cancelled,
            SupersededBy = record.SupersededBy,
            Result = record.Result,
        };
    }

    /// <summary>It is finished. The request is not needed any more, and may be large.</summary>
    public void End(Receipt result) =>
        (Result, Command) = (result, new Command { CommandUid = Command.CommandUid, Generation = Command.Generation, Entry = Command.Entry, DisplayName = Command.DisplayName });

    /// <summary>Forgets the answer's body. False when there is none.</summary>
    public bool DropBody()
    {
        if (Result is not { Body.IsEmpty: false } whole)
        {
            return false;
        }

        // Others may be reading the receipt.
        Result = whole.Clone();
        Result.Body = ByteString.Empty;
        Result.Truncated = true;
        return true;
    }

    /// <summary>What is kept of it: once it is finished the result alone.</summary>
    public JournalChange ToRow() => JournalChange.Put(CommandExecutor.Book, Key, (Result is null
        ? new ExecutionRecord { Command = Command, Started = Started, Cancelled = Cancelled, SupersededBy = SupersededBy, Order = order }
        : new ExecutionRecord { Result = Result, Order = order }).ToByteArray());
}
