using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Testing.Simulation;

/// <summary>
/// Objects in the clusters that come, change and go, and the root's mirror of them. Journals of clusters outlive their processes, and now and then one is lost; the mirror
/// outlives the root's. When all is well again, the mirror has what the clusters have and nothing else.
/// </summary>
public sealed class SimReports : IAsyncDisposable
{
    private const string Stream = "pods";
    private const int MostObjects = 12;
    private const double LosesJournal = 0.01;
    private const double Goes = 0.3;
    private readonly SimWorld _world;
    private readonly TimeSpan _every;
    private readonly Random _random;
    private readonly Dictionary<string, Site> _sites = new(StringComparer.Ordinal);
    private readonly MirrorStore _mirror;
    private int _changes;

    /// <summary>Makes clusters without objects and a mirror that has none.</summary>
    /// <param name="world">Where.</param>
    /// <param name="every">Mean virtual time from one change of an object to the next.</param>
    public SimReports(SimWorld world, TimeSpan every)
    {
        ArgumentNullException.ThrowIfNull(world);
        (_world, _every) = (world, every);
        _random = new Random(world.Plan.Seed);
        _mirror = MirrorStore.Open(new MirrorOptions(), world.Clock, NullLogger.Instance);
    }

    /// <summary>Changes of objects so far.</summary>
    public int Count => _changes;

    /// <summary>Follows for a process of the root until it dies.</summary>
    public Task FollowAsync(FollowTree tree, TimeProvider clock, ILogger log, CancellationToken dies) => new TreeFollower(_mirror, tree, clock, _random.NextDouble, log).RunAsync(dies);

    /// <summary>Changes objects until the faults end.</summary>
    public async Task RunAsync()
    {
        while (_world.Timeline.Steps < _world.FaultsEnd)
        {
            await Task.Delay(_every * -Math.Log(1 - _random.NextDouble()), _world.Clock).ConfigureAwait(false);
            var site = Of(_world.Sites[_random.Next(_world.Sites.Count)].Name);
            if (_random.NextDouble() < LosesJournal)
            {
                site.LoseJournal();
            }

            site.Change($"p{_random.Next(MostObjects)}", _random.NextDouble() < Goes ? null : (++_changes).ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Where the mirror is not what the clusters are; null when it is.</summary>
    public async Task<string?> UnlikeAsync()
    {
        var mirrored = new Dictionary<string, string>(StringComparer.Ordinal);
        var query = new PageQuery("/" + Stream, null, 0, "", "", 500);
        Piece<StoredObject> piece;
        do
        {
            piece = await _mirror.ListAsync(query, CancellationToken.None).ConfigureAwait(false);
            foreach (var row in piece.Rows)
            {
                mirrored[row.Key.Name] = ValueOf(row.Json);
            }

            query = piece.More ? query.After(piece) : query;
        }
        while (piece.More);

        foreach (var (name, site) in _sites)
        {
            foreach (var (obj, value) in site.Objects)
            {
                if (!mirrored.Remove($"{obj}-{name}", out var seen) || seen != value)
                {
                    return $"{obj} of {name} is {value} and mirrored as {seen ?? "nothing"}";
                }
            }
        }

        return mirrored.Count == 0 ? null : $"{mirrored.First().Key} is mirrored and nowhere";
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var site in _sites.Values)
        {
            site.Dispose();
        }

        await _mirror.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>What the shim of a site reports, to a process that may die.</summary>
    /// <exception cref="IOException">The journal was lost, and the shim with it.</exception>
    internal async IAsyncEnumerable<Report> ReportAsync(string site, IAsyncEnumerable<ReportRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        var lost = Of(site).Lost.Token;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, lost);
        var reports = Of(site).Reporter.FollowAsync(requests, either.Token).GetAsyncEnumerator(CancellationToken.None);
        await using (reports.ConfigureAwait(false))
        {
            while (true)
            {
                try
                {
                    if (!await reports.MoveNextAsync().ConfigureAwait(false))
                    {
                        yield break;
                    }
                }
                catch (OperationCanceledException) when (lost.IsCancellationRequested)
                {
                    throw new IOException("the shim was lost");
                }

                yield return reports.Current;
            }
        }
    }

    private static string ValueOf(byte[] json) => Encoding.UTF8.GetString(json).Split("\"phase\":\"")[1].Split('"')[0];

    private Site Of(string name)
    {
        if (!_sites.TryGetValue(name, out var site))
        {
            _sites[name] = site = new Site(() => (ulong)_random.NextInt64(1, long.MaxValue), _world.Clock, _random.NextDouble);
        }

        return site;
    }

    private sealed class Site : IDisposable
    {
        private readonly Func<ulong> _newEpoch;
        private readonly TimeProvider _clock;
        private readonly Func<double> _next;
        private readonly KubeClient _unused = new(new HttpClient { BaseAddress = new Uri("https://nobody/") });
        private readonly List<ReportJournal> _journals = [];

        public Site(Func<ulong> newEpoch, TimeProvider clock, Func<double> next)
        {
            (_newEpoch, _clock, _next) = (newEpoch, clock, next);
            LoseJournal();
        }

        public SortedDictionary<string, string> Objects { get; } = new(StringComparer.Ordinal);

        public ClusterReporter Reporter { get; private set; } = null!;

        /// <summary>Who was told from the former one is told from the new one when it asks again: whoever loses a journal restarts.</summary>
        public void LoseJournal()
        {
            var journal = ReportJournal.Open(null, _newEpoch);
            _journals.Add(journal);
            Reporter = new ClusterReporter(_unused, journal, [new ReportedKind(Stream, "", [])], _clock, _next, NullLogger.Instance);
            var stream = journal.Stream(Stream);
            stream.Apply([.. Objects.Select(o => Reported(o.Key, o.Value))]);
            stream.Listed(Kinds.Pods, Objects.Keys.Select(k => ("ns", k)).ToHashSet());
            Lost.Cancel();
            Lost = new CancellationTokenSource();
        }

        public CancellationTokenSource Lost { get; private set; } = new();

        public void Change(string name, string? value)
        {
            if (value is null)
            {
                Objects.Remove(name);
            }
            else
            {
                Objects[name] = value;
            }

            _journals[^1].Stream(Stream).Apply([Reported(name, value)]);
        }

        public void Dispose()
        {
            Lost.Dispose();
            _unused.Dispose();
            _journals.ForEach(j => j.Dispose());
        }

        private static ReportedObject Reported(string name, string? value) =>
            new("ns", name, value is null ? default : Encoding.UTF8.GetBytes($$"""{"metadata":{"name":"{{name}}","namespace":"ns"},"status":{"phase":"{{value}}"} }"""));
    }
}
