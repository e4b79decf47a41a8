using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>How far a command came at one cluster. Only ever grows; the last five are final.</summary>
internal enum TargetStage : byte
{
    Accepted,
    Sent,
    Durable,
    Succeeded,
    Failed,
    Expired,
    Cancelled,
    NotSelected,
}

/// <summary>
/// One run of one command: one (uid, generation) and its targets. Each target gets exactly one final outcome: whatever comes later,
/// twice or in another order changes nothing. Pure; one owner.
/// </summary>
internal sealed class CommandRun
{
    private readonly Dictionary<string, TargetStage> _targets;
    private readonly Dictionary<string, TargetStage> _reached = new(StringComparer.Ordinal);
    private readonly int[] _counts = new int[(int)TargetStage.NotSelected + 1];
    private int _answered;

    /// <summary>The word of a target's outcome when a newer generation took the command's place.</summary>
    public const string SupersededWord = "Superseded";

    /// <summary>Makes a run with every target open.</summary>
    /// <param name="spec">The command.</param>
    /// <param name="targets">Whom it is for.</param>
    /// <param name="accepted">When it was accepted; the deadline counts from here.</param>
    /// <param name="resumed">An earlier process began it: any target may have it already.</param>
    public CommandRun(CommandSpec spec, IEnumerable<string> targets, DateTimeOffset accepted, bool resumed = false)
    {
        Spec = spec;
        Accepted = accepted;
        Deadline = accepted + spec.Deadline;
        Resumed = resumed;
        var stage = resumed ? TargetStage.Sent : TargetStage.Accepted;
        _targets = targets.Distinct(StringComparer.Ordinal).ToDictionary(t => t, _ => stage, StringComparer.Ordinal);
        _counts[(int)stage] = _targets.Count;
        UnknownNames = [.. spec.Selector.ExactNames?.Where(n => !_targets.ContainsKey(n)) ?? []];
    }

    public CommandSpec Spec { get; set; }

    public DateTimeOffset Accepted { get; }

    public DateTimeOffset Deadline { get; }

    /// <summary>An earlier process began it.</summary>
    public bool Resumed { get; }

    /// <summary>The generation that takes its place; 0 while none does.</summary>
    public ulong SupersededBy { get; init; }

    /// <summary>How many targets ended because a newer generation took its place.</summary>
    public int Superseded { get; private set; }

    public int Targets => _targets.Count;

    /// <summary>Names that the selector spells out and that no cluster answered to when the command was accepted.</summary>
    public IReadOnlyList<string> UnknownNames { get; }

    /// <summary>No target is open any more.</summary>
    public bool IsOver => OpenCount == 0;

    /// <summary>How many are open.</summary>
    public int OpenCount => Count(TargetStage.Accepted) + Count(TargetStage.Sent) + Count(TargetStage.Durable);

    /// <summary>Clusters without a final outcome.</summary>
    public IEnumerable<string> Open => _targets.Where(t => !IsFinal(t.Value)).Select(t => t.Key);

    /// <summary>How many were sent, or came farther, however they ended.</summary>
    public int CameToSent => CameToDurable + Count(TargetStage.Sent) + _reached.Count(r => r.Value == TargetStage.Sent);

    /// <summary>How many are or were on disk at their cluster, however they ended.</summary>
    public int CameToDurable => _answered + Count(TargetStage.Durable) + _reached.Count(r => r.Value == TargetStage.Durable);

    /// <summary>How many were carried out: the cluster, or its shim, answered.</summary>
    public int CameToExecuted => _answered;

    /// <summary>How many stand at a stage now.</summary>
    public int Count(TargetStage stage) => _counts[(int)stage];

    public TargetStage? StageOf(string cluster) => _targets.TryGetValue(cluster, out var stage) ? stage : null;

    /// <summary>Whether a cluster that is heard of again needs the command once more: it may not have it.</summary>
    public bool NeedsSending(string cluster) => StageOf(cluster) is TargetStage.Accepted or TargetStage.Sent;

    /// <summary>Whether a cluster has not answered for good.</summary>
    public bool IsOpen(string cluster) => StageOf(cluster) is { } stage && !IsFinal(stage);

    /// <summary>Whether a cluster has to be told something: the command, or once that is cancelled, its end.</summary>
    public bool Wants(string cluster) => Spec.Cancel ? IsOpen(cluster) : NeedsSending(cluster);

    /// <summary>Whether a receipt tells how one of its targets ended, for the first time or again.</summary>
    public bool IsOutcome(Receipt receipt) => receipt.Stage >= Stage.Executed && StageOf(receipt.Cluster) is not null;

    /// <summary>The command left for a cluster.</summary>
    public void Sent(string cluster)
    {
        if (StageOf(cluster) == TargetStage.Accepted)
        {
            Set(cluster, TargetStage.Sent);
        }
    }

    /// <summary>How far one came that ended without an answer; null for any other.</summary>
    public TargetStage? Reached(string cluster) => _reached.TryGetValue(cluster, out var stage) ? stage : null;

    /// <summary>Takes a receipt. True when it is the cluster's final outcome, to be kept as a result.</summary>
    /// <param name="receipt">The receipt.</param>
    /// <param name="own">Made here by <see cref="End"/>: nothing had to be sent for it.</param>
    public bool Take(Receipt receipt, bool own = false)
    {
        if (StageOf(receipt.Cluster) is not { } stage || IsFinal(stage))
        {
            return false;
        }

        var next = receipt.Stage switch
        {
            Stage.Executed or Stage.Observed => receipt is { Error: "", Code: >= 200 and < 300 } ? TargetStage.Succeeded : TargetStage.Failed,
            Stage.Durable => TargetStage.Durable,
            Stage.Expired => TargetStage.Expired,
            Stage.Cancelled => TargetStage.Cancelled,
            Stage.NotSelected => TargetStage.NotSelected,
            _ => stage,
        };
        if (next > stage)
        {
            Set(receipt.Cluster, next);
        }

        if (!IsFinal(next))
        {
            return false;
        }

        Superseded += receipt is { Stage: Stage.Cancelled, Error: SupersededWord } ? 1 : 0;
        Note(receipt.Cluster, receipt.Code > 0 ? null : own || stage > TargetStage.Accepted ? stage : TargetStage.Sent);
        return true;
    }

    /// <summary>Puts back a result that was kept.</summary>
    /// <param name="cluster">Whose.</param>
    /// <param name="stage">How it ended.</param>
    /// <param name="reached">How far it came before, when it ended without an answer; null when there was one.</param>
    /// <param name="error">The machine's word of it.</param>
    public void Restore(string cluster, TargetStage stage, TargetStage? reached, string? error = null)
    {
        if (StageOf(cluster) is { } current && !IsFinal(current))
        {
            Set(cluster, stage);
            if (IsFinal(stage))
            {
                Superseded += stage == TargetStage.Cancelled && error == SupersededWord ? 1 : 0;
                Note(cluster, reached);
            }
        }
    }

    /// <summary>Makes receipts that end every open target among those given (null: all), for instance because the deadline passed.</summary>
    public IReadOnlyList<Receipt> End(Stage stage, string error, string text, DateTimeOffset at, Func<TargetStage, bool>? which = null) =>
        [.. _targets.Where(t => !IsFinal(t.Value) && (which is null || which(t.Value))).Select(t => new Receipt
        {
            Cluster = t.Key,
            CommandUid = Spec.Command.CommandUid,
            Generation = Spec.Command.Generation,
            Entry = Spec.Command.Entry,
            Stage = stage,
            Error = error,
            Text = text,
            AtUnixMilliseconds = at.ToUnixTimeMilliseconds(),
        })];

    private static bool IsFinal(TargetStage stage) => stage >= TargetStage.Succeeded;

    private void Note(string cluster, TargetStage? reached)
    {
        if (reached is { } stage)
        {
            _reached[cluster] = stage;
        }
        else
        {
            _answered++;
        }
    }

    private void Set(string cluster, TargetStage stage)
    {
        _counts[(int)_targets[cluster]]--;
        _counts[(int)stage]++;
        _targets[cluster] = stage;
    }
}
