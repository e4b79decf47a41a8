using System.Diagnostics.Metrics;

namespace Ote.Controllers.EdgeNodes;

/// <summary>Meter "Ote.Controllers": how the nodes stand that a controller looks after. One that does not lead knows of none, and tells only that. Thread-safe.</summary>
public sealed class EdgeNodeMetrics : IDisposable
{
    private static readonly EdgeNodePhase[] s_phases = Enum.GetValues<EdgeNodePhase>();
    private readonly Meter _meter;
    private readonly bool _isOwn;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _failures;
    private IReadOnlyCollection<EdgeNodeLook>? _looks;

    /// <summary>Makes the instruments.</summary>
    /// <param name="factory">Who publishes them, and disposes of them; null: nobody does.</param>
    public EdgeNodeMetrics(IMeterFactory? factory)
    {
        _isOwn = factory is null;
        _meter = factory?.Create("Ote.Controllers") ?? new Meter("Ote.Controllers");
        _lost = _meter.CreateCounter<long>("ote.edgenodes.lost", "{node}", "Nodes that were given up, so that Kubernetes evicts their pods, by reason.");
        _failures = _meter.CreateCounter<long>("ote.edgenodes.failures", "{look}", "Looks at a node that failed.");
        _meter.CreateObservableGauge("ote.edgenodes.leads", () => Leads(), "{controller}", "1 while this controller leads, 0 while another does or nobody.");
        _meter.CreateObservableGauge("ote.edgenodes.nodes", () => Each(Phases), "{node}", "Nodes by phase.");
        _meter.CreateObservableGauge("ote.edgenodes.kept", () => One(looks => looks.Count(look => look.Keeps)), "{node}", "Nodes that are kept from eviction now.");
        _meter.CreateObservableGauge("ote.edgenodes.words", () => Each(Words), "{word}", "What nodes say of others of their site, by what is said.");
        _meter.CreateObservableGauge("ote.edgenodes.unheard", () => One(looks => looks.Select(look => look.SinceHeard.TotalSeconds).DefaultIfEmpty().Max()), "s", "Age of the oldest word of a kubelet.");
    }

    private IReadOnlyCollection<EdgeNodeLook>? Looks => Volatile.Read(ref _looks);

    /// <summary>It leads, and has looked at all nodes.</summary>
    /// <param name="looks">What it saw; not changed any more.</param>
    public void Looked(IReadOnlyCollection<EdgeNodeLook> looks) => Volatile.Write(ref _looks, looks);

    /// <summary>It leads no more.</summary>
    public void Left() => Volatile.Write(ref _looks, null);

    /// <summary>A node was given up.</summary>
    /// <param name="reason">Of the verdict.</param>
    public void Lost(string reason) => _lost.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>One could not be looked at.</summary>
    public void Failed() => _failures.Add(1);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOwn)
        {
            _meter.Dispose();
        }
    }

    private int Leads() => Looks is null ? 0 : 1;

    private static IEnumerable<Measurement<int>> Phases(IReadOnlyCollection<EdgeNodeLook> looks) =>
        s_phases.Select(phase => new Measurement<int>(looks.Count(look => look.Phase == phase), new KeyValuePair<string, object?>("phase", $"{phase}")));

    private static IEnumerable<Measurement<int>> Words(IReadOnlyCollection<EdgeNodeLook> looks) =>
    [
        Said(looks.Sum(look => look.Seen), "reached"), Said(looks.Sum(look => look.Missed), "unreached"), Said(looks.Sum(look => look.Refused), "refused"),
    ];

    private static Measurement<int> Said(int count, string what) => new(count, new KeyValuePair<string, object?>("said", what));

    private IEnumerable<Measurement<int>> Each(Func<IReadOnlyCollection<EdgeNodeLook>, IEnumerable<Measurement<int>>> of) => Looks is { } looks ? of(looks) : [];

    private IEnumerable<Measurement<T>> One<T>(Func<IReadOnlyCollection<EdgeNodeLook>, T> of)
        where T : struct => Looks is { } looks ? [new(of(looks))] : [];
}
