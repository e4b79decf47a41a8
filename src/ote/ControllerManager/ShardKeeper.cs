using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Leases;
using Ote.Kube.Server.Split;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Kube.Resources;

namespace Ote.Roles.ControllerManager;

/// <summary>
/// Mirrors the clusters of one shard while this member holds its lease, in a store of its own: what is there from an earlier turn is gone on from, and is shown only while the shard is held. It takes the lease where that shard is this member's part, and gives it up when it is another's who lives.
/// </summary>
internal sealed class ShardKeeper
{
    // So many revisions a second that no mirror counts, and so few that terms, which are of the time, keep below 2^53.
    private const int RevisionBits = 22;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILoggerFactory _loggers;
    private readonly int _shard;
    private readonly MirrorOptions _options;
    private readonly Members _members;
    private readonly ShardTable _table;
    private readonly FollowTree _tree;
    private readonly ILogger _log;
    private readonly Signal _looked = new();

    /// <summary>Makes it; nothing is held yet.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="options">How its mirror is kept, in which folder.</param>
    /// <param name="members">Who lives, and so whose part it is.</param>
    /// <param name="table">Where it is answered for.</param>
    /// <param name="tree">The reports of all clusters.</param>
    /// <param name="elector">Makes who takes part in the election, given when it is to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="loggers">Where it logs.</param>
    public ShardKeeper(
        int shard, MirrorOptions options, Members members, ShardTable table, FollowTree tree, Func<string, Func<bool>, LeaderElector> elector, TimeProvider time, Func<double> random, ILoggerFactory loggers)
    {
        (_shard, _options, _members, _table, _tree) = (shard, options, members, table, tree);
        (_time, _random, _loggers, _log) = (time, random, loggers, loggers.CreateLogger("Ote.Roles.ControllerManager"));
        Elector = elector(FleetLeases.Shard(shard), () => members.IsOurs(shard));
        members.Looked += _looked.Set;
    }

    /// <summary>Takes part for this member, and knows who holds it.</summary>
    public LeaderElector Elector { get; }

    /// <summary>Runs until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Elector.RunAsync(HoldAsync, stop);

    private async Task HoldAsync(long term, CancellationToken held)
    {
        var cause = "it could not be renewed in time, or this process ends";
        try
        {
            // What another has counted is not this one's: who watched there lists anew.
            Directory.CreateDirectory(_options.Directory!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var log = _loggers.CreateLogger("Ote.Mirror");
            var mirror = MirrorStore.Open(_options with { FirstRevision = term << RevisionBits }, _time, log);
            await using (mirror.ConfigureAwait(false))
            {
                using var ends = CancellationTokenSource.CreateLinkedTokenSource(held);
                var following = new TreeFollower(mirror, OwnAsync, _time, _random, log).RunAsync(ends.Token);
                _table.Hold(_shard, mirror);
                _log.ShardHeld(_shard, _table.Count, term);
                try
                {
                    while (_members.IsOurs(_shard))
                    {
                        await _looked.WaitAsync(held).ConfigureAwait(false);
                    }

                    cause = _members.Against ?? "it is another member's part";
                }
                finally
                {
                    await _table.LetGoAsync(_shard).ConfigureAwait(false);
                    await ends.CancelAsync().ConfigureAwait(false);
                    await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            cause = fault.Message;
            _members.StepBack();
            throw;
        }
        finally
        {
            _log.ShardLeft(_shard, _table.Count, cause);
        }
    }

    /// <summary>Of all that the tree tells, what is of this shard's clusters.</summary>
    private async IAsyncEnumerable<TreeReport> OwnAsync(IAsyncEnumerable<TreeRequest> requests, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var told in _tree(requests, ct).ConfigureAwait(false))
        {
            if (told.Cluster.Length == 0 || ShardPlan.ShardOf(told.Cluster, _table.Count) == _shard)
            {
                yield return told;
            }
        }
    }
}
