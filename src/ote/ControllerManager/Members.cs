using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Roles.ControllerManager;

/// <summary>
/// The controller managers of a tree: this one says that it lives, where, and by which authority it is known, by one of a few leases, and learns the same of the others. Who is to hold which shard follows. Thread-safe.
/// </summary>
/// <param name="api">Where the leases are.</param>
/// <param name="ns">Their namespace.</param>
/// <param name="self">This one; its lease has its address and nothing else yet.</param>
/// <param name="options">Figures.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
internal sealed class Members(KubeClient api, string ns, Member self, ElectionOptions options, TimeProvider time, Func<double> random, ILogger log)
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(1); // of one that could not do its part
    private static readonly TimeSpan ResignPatience = TimeSpan.FromSeconds(2);
    private readonly MemberBook _book = new(self.Lease.Holder, self.Shards, options.LeaseDuration);
    private readonly long _started = time.GetTimestamp();
    private volatile View _view = new([], [], "it has not found the other controller managers yet");
    private long _rests = long.MinValue;
    private string? _said;
    private int _last = -1; // of the leases that there were

    /// <summary>Raised after each look, on the thread that looks.</summary>
    public event Action? Looked;

    /// <summary>The living.</summary>
    public IReadOnlyList<Member> Living => _view.Living;

    /// <summary>Why this one takes no part at present; null: it does.</summary>
    public string? Against => _view.Against;

    private long Now => (long)time.GetElapsedTime(_started).TotalMilliseconds;

    /// <summary>Whether this one is to hold a shard.</summary>
    public bool IsOurs(int shard) => _view is { Against: null } view && view.Owners.Count > shard && view.Owners[shard] == self.Id;

    /// <summary>This one could not do its part: others do it for a minute.</summary>
    public void StepBack() => Interlocked.Exchange(ref _rests, Now + (long)Rest.TotalMilliseconds);

    /// <summary>Takes part until stopped; then it says that it lives no more.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await LookAsync(stop).ConfigureAwait(false);
                Looked?.Invoke();
                await Task.Delay(options.RetryPeriod * (1 + (Jitter * random())), time, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            using var late = new CancellationTokenSource(ResignPatience, time);
            await LeaveAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        using var late = new CancellationTokenSource(options.RenewDeadline / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            var leases = await ReadAsync(either.Token).ConfigureAwait(false);
            var now = Now;
            _book.Note([.. leases.Select(l => l.Member)], now);
            if (now < Interlocked.Read(ref _rests))
            {
                await LeaveAsync(leases, either.Token).ConfigureAwait(false);
                See(new View(_book.Living(now), [], "what it was to mirror could not be kept, and others do it for a minute; the log says why"));
                return;
            }

            if (_book.Slot(now) is not { } slot)
            {
                See(new View(_book.Living(now), [], $"there are {FleetLeases.MostMembers} controller managers already: end one"));
                return;
            }

            var (_, lease) = leases.FirstOrDefault(l => l.Member.Slot == slot);
            var mine = await WriteAsync(slot, lease, either.Token).ConfigureAwait(false);
            _book.Note([.. leases.Select(l => l.Member).Where(m => m.Slot != slot), mine], now);
            var living = _book.Living(now);
            See(new View(living, ShardPlan.Assign(self.Shards, [.. living.Where(m => m.Shards == self.Shards).Select(m => m.Id)]), _book.Against(now)));
        }
        catch (KubeStatusException raced) when (raced.IsConflict || raced.IsAlreadyExists)
        {
            // Another one was faster; the next look tells.
        }
        catch (Exception away) when (away is HttpRequestException or KubeStatusException or IOException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            // Who held what goes on with it for as long as its own lease lasts, which is known by the same way.
            Say(away is OperationCanceledException ? "the API server did not answer in time" : away.Message);
        }
    }

    private async Task<List<(Member Member, JsonObject Lease)>> ReadAsync(CancellationToken ct)
    {
        // One by one, by the rights on these alone: the first that is free is taken, so there is none behind those that are known and the next.
        var leases = new List<(Member Member, JsonObject Lease)>();
        for (var slot = 0; slot < FleetLeases.MostMembers; slot++)
        {
            if (await api.GetAsync(Kinds.Leases, ns, FleetLeases.Member(slot), ct).ConfigureAwait(false) is { } lease)
            {
                leases.Add((Member.Of(slot, lease), lease));
                _last = Math.Max(_last, slot);
            }
            else if (slot > _last)
            {
                break;
            }
        }

        return leases;
    }

    private async Task<Member> WriteAsync(int slot, JsonObject? lease, CancellationToken ct)
    {
        var former = lease is null ? null : Member.Of(slot, lease);
        var clock = time.GetUtcNow();
        var begins = former?.Lease.Holder != self.Lease.Holder;
        // As terms are: of the time, and growing, so that who is there the longest is known to all.
        var term = begins ? Math.Max((former?.Lease.Term ?? 0) + 1, clock.ToUnixTimeSeconds()) : former!.Lease.Term;
        var mine = self with { Slot = slot, Lease = new LeaseRecord(self.Lease.Holder, self.Lease.Address, term, clock.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture), options.LeaseDuration) };
        var wanted = lease?.Copy() ?? new JsonObject
        {
            ["apiVersion"] = Kinds.Leases.ApiVersion,
            ["kind"] = Kinds.Leases.Kind,
            ["metadata"] = new JsonObject { ["name"] = FleetLeases.Member(slot), ["namespace"] = ns },
        };
        mine.Write(wanted, begins ? clock : null);
        var written = lease is null ? await api.CreateAsync(Kinds.Leases, ns, wanted, ct).ConfigureAwait(false) : await api.ReplaceAsync(Kinds.Leases, wanted, ct).ConfigureAwait(false);
        return Member.Of(slot, written);
    }

    private async Task LeaveAsync(CancellationToken ct) => await LeaveAsync(await ReadAsync(ct).ConfigureAwait(false), ct).ConfigureAwait(false);

    private async Task LeaveAsync(List<(Member Member, JsonObject Lease)> leases, CancellationToken ct)
    {
        foreach (var (member, lease) in leases.Where(l => l.Member.Lease.Holder == self.Lease.Holder))
        {
            var free = lease.Copy();
            (member with { Lease = member.Lease with { Holder = "", Address = "" } }).Write(free, null);
            await api.ReplaceAsync(Kinds.Leases, free, ct).ConfigureAwait(false);
        }
    }

    private void See(View view)
    {
        if (view.Against is not null && view.Against != _view.Against)
        {
            log.ManagerAside(view.Against);
        }

        if (!view.Living.Select(m => m.Lease.Holder).SequenceEqual(_view.Living.Select(m => m.Lease.Holder), StringComparer.Ordinal))
        {
            log.ManagersLive(view.Living.Count, string.Join(", ", view.Living.Select(m => m.Lease.Address)));
        }

        (_view, _said) = (view, null);
    }

    private void Say(string cause)
    {
        if (cause != _said)
        {
            log.ManagersUnknown(_said = cause);
        }
    }

    private sealed record View(IReadOnlyList<Member> Living, IReadOnlyList<string> Owners, string? Against);
}
