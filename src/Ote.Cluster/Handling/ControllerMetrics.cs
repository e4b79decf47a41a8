using System.Diagnostics.Metrics;
using Ote.Cluster.Budgets;
using Ote.Cluster.Lateral;

namespace Ote.Cluster.Handling;

/// <summary>Commands by stage, and what waits where, of one controller.</summary>
internal sealed class ControllerMetrics : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _commands;
    private Counter<long>? _targets;

    public ControllerMetrics(IMeterFactory factory, string cluster)
    {
        _meter = factory.Create(new MeterOptions("Ote.Cluster") { Tags = [new("cluster", cluster)] });
        _commands = _meter.CreateCounter<long>("ote.commands", "{command}", "Commands that came to a stage at this cluster");
    }

    /// <summary>Lines that an audit log could not keep.</summary>
    public Counter<long> AuditLost() => _meter.CreateCounter<long>("ote.audit.lost", "{line}", "Lines that the audit log could not keep");

    /// <summary>A command came to a stage: taken, started, or its outcome.</summary>
    public void Stage(string stage) => _commands.Add(1, new KeyValuePair<string, object?>("stage", stage));

    /// <summary>A target of a command of this control entry ended.</summary>
    /// <param name="outcome">As in results: <c>Succeeded</c>, <c>Failed</c> and so on.</param>
    /// <param name="count">How many did.</param>
    public void Ended(string outcome, int count)
    {
        _targets ??= _meter.CreateCounter<long>("ote.command.targets", "{target}", "Targets of commands of this control entry by how they ended");
        _targets.Add(count, new KeyValuePair<string, object?>("outcome", outcome));
    }

    /// <summary>Watches what waits. Each function is called when metrics are read, from any thread.</summary>
    public void Observe(Func<int> executions, Func<int> transit, Func<int> receipts, Func<int>? open, Func<int> clusters)
    {
        _meter.CreateObservableGauge("ote.commands.executing", executions, "{command}", "Commands taken for the own cluster and not finished");
        _meter.CreateObservableGauge("ote.transit", transit, "{command}", "Commands kept until all children they go to have acknowledged them");
        _meter.CreateObservableGauge("ote.receipts.waiting", receipts, "{batch}", "Batches of receipts that wait for the link to the parent");
        _meter.CreateObservableGauge("ote.clusters", clusters, "{cluster}", "Clusters known in the own subtree");
        if (open is not null)
        {
            _meter.CreateObservableGauge("ote.commands.open", open, "{command}", "Commands of this control entry that are not over");
        }
    }

    /// <summary>Watches the journal. The function is called when metrics are read, from any thread.</summary>
    public void ObserveJournal(Func<bool> troubled)
    {
        int Troubled() => troubled() ? 1 : 0;
        _meter.CreateObservableGauge("ote.journal.troubled", Troubled, "{journal}", "1 while what must not be forgotten cannot be written to disk");
    }

    /// <summary>Watches certificates. Each function is called when metrics are read, from any thread.</summary>
    /// <param name="left">Seconds until the own certificate ends; negative afterwards.</param>
    /// <param name="late">How many clusters should have renewed theirs; null where nobody knows.</param>
    public void ObserveCertificates(Func<double> left, Func<int>? late)
    {
        _meter.CreateObservableGauge("ote.certificate.left", left, "s", "Time until the own certificate ends");
        if (late is not null)
        {
            _meter.CreateObservableGauge("ote.certificates.late", late, "{cluster}", "Clusters whose certificate should have been renewed, or has ended");
        }
    }

    /// <summary>Watches who was let in here by the root's leave. The function is called when metrics are read, from any thread.</summary>
    public void ObserveIssuing(Func<int> waiting) =>
        _meter.CreateObservableGauge("ote.clusters.provisional", waiting, "{cluster}", "Clusters let in here that the root has not admitted yet");

    /// <summary>Watches the managed cluster. The function is called when metrics are read, from any thread; null: nothing is known yet.</summary>
    public void ObserveLocal(Func<LocalReport?> local)
    {
        IEnumerable<Measurement<int>> Reachable() => local() is { } known ? [new Measurement<int>(known.IsReachable ? 1 : 0)] : [];
        IEnumerable<Measurement<double>> Lag() => local()?.Lag is { } lag ? [new Measurement<double>(lag.TotalSeconds)] : [];
        _meter.CreateObservableGauge("ote.local.reachable", Reachable, "{cluster}", "Whether the managed cluster and its shim answer");
        _meter.CreateObservableGauge("ote.report.lag", Lag, "s", "How long changes of the managed cluster take to be on a follower's disk");
    }

    /// <summary>Watches the link to the parent, by its books here. The function is called when metrics are read, from any thread; null: there is none yet.</summary>
    public void ObserveLink(Func<LinkCost?> cost)
    {
        IEnumerable<Measurement<long>> Bytes() => cost() is { } c
            ? [new Measurement<long>(c.Sent, new KeyValuePair<string, object?>("direction", "out")), new Measurement<long>(c.Received, new KeyValuePair<string, object?>("direction", "in"))]
            : [];
        IEnumerable<Measurement<long>> Today() => cost() is { } c ? [new Measurement<long>(c.BytesToday)] : [];
        IEnumerable<Measurement<long>> Saved() => cost() is { } c ? [new Measurement<long>(c.SavedToday)] : [];
        IEnumerable<Measurement<long>> Left() => cost() is { Budget.DailyBytes: { } cap } c ? [new Measurement<long>(Math.Max(0, cap - c.BytesToday))] : [];
        _meter.CreateObservableCounter("ote.link", Bytes, "By", "Bytes of packets on the link to the parent, by direction, since the start");
        _meter.CreateObservableGauge("ote.link.today", Today, "By", "Bytes of packets on the link to the parent on this day at the site, both directions together");
        _meter.CreateObservableGauge("ote.link.saved", Saved, "By", "Bytes that compression kept off the link to the parent on this day");
        _meter.CreateObservableGauge("ote.link.left", Left, "By", "Bytes the link to the parent may still carry on this day, where there is a daily cap");
    }

    /// <summary>Watches lateral links. The function is called when metrics are read, from any thread.</summary>
    public void ObserveLateral(Func<IReadOnlyList<LateralStatus>> links)
    {
        static KeyValuePair<string, object?> Peer(LateralStatus link) => new("peer", link.Peer);
        IEnumerable<Measurement<long>> Up() => links().Select(l => new Measurement<long>(l.IsUp ? 1 : 0, Peer(l)));
        IEnumerable<Measurement<long>> Bytes() => links().SelectMany(l => (Measurement<long>[])
            [new(l.Sent, Peer(l), new KeyValuePair<string, object?>("direction", "out")), new(l.Received, Peer(l), new KeyValuePair<string, object?>("direction", "in"))]);
        IEnumerable<Measurement<long>> Brought() => links().Select(l => new Measurement<long>(l.Brought, Peer(l)));
        IEnumerable<Measurement<double>> Trip() => links().Where(l => l.RoundTrip is not null).Select(l => new Measurement<double>(l.RoundTrip!.Value.TotalSeconds, Peer(l)));
        _meter.CreateObservableGauge("ote.lateral.up", Up, "{link}", "Whether the lateral link with a peer is up");
        _meter.CreateObservableCounter("ote.lateral", Bytes, "By", "Bytes of packets on lateral links, by peer and direction, since the start");
        _meter.CreateObservableCounter("ote.lateral.messages", Brought, "{message}", "Messages between clusters that a lateral peer brought");
        _meter.CreateObservableGauge("ote.lateral.rtt", Trip, "s", "Smoothed round trip of a lateral link");
    }

    public void Dispose() => _meter.Dispose();
}
