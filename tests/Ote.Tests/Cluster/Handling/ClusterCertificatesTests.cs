using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterCertificatesTests : IDisposable
{
    private static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _time = new(Begin);
    private readonly CertificateAuthority _authority;
    private readonly ClusterCertificates _certificates;
    private readonly ClusterCertificates _ofRoot;

    public ClusterCertificatesTests()
    {
        _authority = CertificateAuthority.Create(_time);
        var identity = new IdentitySource(_authority.CreateIdentity(new PeerIdentity("root", "u-root"), []));
        _certificates = new ClusterCertificates(identity, new RevocationKeeper(new MemoryJournal(), identity, NullLogger.Instance), null, null, _time);
        _ofRoot = new ClusterCertificates(identity, new RevocationKeeper(new MemoryJournal(), identity, NullLogger.Instance), null, TimeSpan.FromDays(30), _time);
    }

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(10, "True", "Valid", 0)]
    [InlineData(199, "True", "Valid", 0)]
    [InlineData(201, "True", "RenewalOverdue", 1)]
    [InlineData(299, "True", "RenewalOverdue", 1)]
    [InlineData(300, "False", "Expired", 1)]
    public void Condition_follows_the_life_of_the_certificate_and_those_that_are_late_are_counted(int day, string status, string reason, int late)
    {
        var cluster = Cluster("c1", 300);
        _time.Advance(TimeSpan.FromDays(day));
        _certificates.Write(cluster, isOwn: false);
        Assert.Equal((status, reason), (cluster.Condition("CertificateValid").Text("status"), cluster.Condition("CertificateValid").Text("reason")));
        Assert.Equal(Begin.AddDays(300), cluster.Time("status", "certificate", "notAfter"));
        Assert.Equal(late, _certificates.Late);
        _certificates.Forget("c1");
        Assert.Equal(0, _certificates.Late);
    }

    [Fact]
    public void Each_state_is_looked_at_again_when_it_ends_and_not_all_the_time()
    {
        var cluster = Cluster("c1", 300);
        var looks = 0;
        for (var next = _certificates.Write(cluster, isOwn: false); next.Delay is { } wait; next = _certificates.Write(cluster, isOwn: false))
        {
            Assert.InRange(wait, TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
            _time.Advance(wait);
            looks++;
        }

        Assert.Equal("Expired", cluster.Condition("CertificateValid").Text("reason"));
        Assert.InRange(looks, 300, 305);
    }

    [Fact]
    public void Root_says_that_it_is_renewed_within_the_grace_and_how_to_join_again_after_it()
    {
        var cluster = Cluster("c1", 300);
        _time.Advance(TimeSpan.FromDays(329.5));
        var next = _ofRoot.Write(cluster, isOwn: false);
        Assert.Equal(TimeSpan.FromHours(12) + TimeSpan.FromSeconds(1), next.Delay);
        Assert.Contains("renews it within the root's --renewal-grace", cluster.Condition("CertificateValid").Text("message"), StringComparison.Ordinal);

        _time.Advance(next.Delay!.Value);
        Assert.Null(_ofRoot.Write(cluster, isOwn: false).Delay);
        Assert.Equal(
            "ended at 2026-10-28T00:00:00Z, and the root's --renewal-grace at 2026-11-27T00:00:00Z: it cannot be renewed any more. Remove identity/cluster.pem in the cluster's data directory and start its controller with a new token (otectl join-token create); name and uid stay",
            cluster.Condition("CertificateValid").Text("message"));
        Assert.Equal(("False", "Expired"), (cluster.Condition("CertificateValid").Text("status"), cluster.Condition("CertificateValid").Text("reason")));
    }

    [Fact]
    public void Cluster_nobody_knows_a_certificate_of_has_no_condition()
    {
        var cluster = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "c1" } };
        Assert.Null(_certificates.Write(cluster, isOwn: false).Delay);
        Assert.Null(cluster.Condition("CertificateValid"));
        _certificates.Write(cluster, isOwn: true);
        Assert.Equal(Begin.AddDays(365), cluster.Time("status", "certificate", "notAfter"));
    }

    [Fact]
    public void Older_certificate_that_lasts_longer_is_remembered()
    {
        var cluster = Cluster("c1", 300);
        CertificateRecord.Write(cluster, Begin.AddDays(1), Begin.AddDays(2)); // the operator has shortened their life meanwhile
        var record = CertificateRecord.Of(cluster)!;
        Assert.Equal((Begin.AddDays(2), Begin.AddDays(300)), (record.End, record.LastEnd));
    }

    [Fact]
    public void Time_that_is_left_and_how_many_are_late_are_metrics()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var factory = services.GetRequiredService<IMeterFactory>();
        using var metrics = new ControllerMetrics(factory, "c1");
        metrics.ObserveCertificates(() => 90, () => 3);
        metrics.ObserveIssuing(() => 2);
        var read = new Dictionary<string, double>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Meter.Scope == factory)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => read[instrument.Name] = value);
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => read[instrument.Name] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal((90, 3, 2), (read["ote.certificate.left"], read["ote.certificates.late"], read["ote.clusters.provisional"]));
    }

    private static JsonObject Cluster(string name, int days)
    {
        var cluster = new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } };
        CertificateRecord.Write(cluster, Begin, Begin.AddDays(days));
        return cluster;
    }
}
