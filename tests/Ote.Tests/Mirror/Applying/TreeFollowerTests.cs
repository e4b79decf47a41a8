using System.Runtime.CompilerServices;
<<<<<<< HEAD
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
=======
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
>>>>>>> 9d31ee1 (Figures of a managed cluster that does not answer are in no sum, reportLag goes down while nothing changes, and who moved or left is in no mirror any more)
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Applying;

<<<<<<< HEAD
/// <summary>What following begins with.</summary>
=======
>>>>>>> 9d31ee1 (Figures of a managed cluster that does not answer are in no sum, reportLag goes down while nothing changes, and who moved or left is in no mirror any more)
public sealed class TreeFollowerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
<<<<<<< HEAD
    public async Task A_cluster_that_left_while_nobody_listened_is_forgotten_when_all_that_are_there_have_been_named_and_one_that_is_away_is_not()
    {
        await using var mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        foreach (var cluster in (string[])["here", "away", "left"])
        {
            var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = 0, To = 1 };
            report.Changes.Add(new ObjectChange { Namespace = "default", Name = "web", Object = ByteString.CopyFromUtf8("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"default","uid":"u","resourceVersion":"1"}}""") });
            Assert.True(await mirror.ApplyAsync(cluster, report));
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        mirror.Changes.Listen(change =>
        {
            if (change.Key.Name == "web-left")
            {
                gone.TrySetResult();
            }
        });
        var following = new TreeFollower(mirror, FollowAsync, TimeProvider.System, static () => 0.5, NullLogger.Instance).RunAsync(stop.Token);
        await gone.Task.WaitAsync(Ct);
        Assert.Equal(["away", "here"], (await mirror.ClustersAsync(Ct)).Order(StringComparer.Ordinal));
        await stop.CancelAsync();
        await following.ContinueWith(static _ => { }, Ct, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private static async IAsyncEnumerable<TreeReport> FollowAsync(IAsyncEnumerable<TreeRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        yield return new TreeReport { Cluster = "here", News = new ClusterNews { Uid = "1", Online = true, Reports = true } };
        yield return new TreeReport { Cluster = "away", News = new ClusterNews { Uid = "2" } };
        yield return new TreeReport { News = new ClusterNews { Current = true } };
        await foreach (var asked in requests.WithCancellation(ct))
        {
            Assert.NotEqual("left", asked.Cluster);
=======
    public async Task Who_left_the_tree_while_nobody_followed_it_is_forgotten_when_all_there_are_have_been_told_and_not_before()
    {
        await using var mirror = MirrorStore.Open(new MirrorOptions(), new FakeTimeProvider(), NullLogger.Instance);
        foreach (var cluster in new[] { "stays", "left" })
        {
            Assert.True(await mirror.ApplyAsync(cluster, new Report
            {
                Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = 0, To = 1,
                Changes = { new ObjectChange { Namespace = "ns", Name = "p", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"p","namespace":"ns"} }""") } },
            }));
        }

        var told = Channel.CreateUnbounded<TreeReport>();
        var asked = new TaskCompletionSource<TreeRequest>(TaskCreationOptions.RunContinuationsAsynchronously);
        var forgotten = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        mirror.Changes.Listen(_ => forgotten.TrySetResult());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var following = new TreeFollower(mirror, FollowAsync, new FakeTimeProvider(), static () => 0.5, NullLogger.Instance).RunAsync(stop.Token);
        told.Writer.TryWrite(new TreeReport { Cluster = "stays", News = new ClusterNews { Uid = "u", Online = true, Reports = true } });
        Assert.Equal("stays", (await asked.Task.WaitAsync(Ct)).Cluster);
        Assert.Equal(["left", "stays"], (await mirror.ClustersAsync(Ct)).Order());
        told.Writer.TryWrite(new TreeReport { News = new ClusterNews { Current = true } });
        await forgotten.Task.WaitAsync(Ct);
        Assert.Equal(["stays"], await mirror.ClustersAsync(Ct));
        await stop.CancelAsync();
        await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

        async IAsyncEnumerable<TreeReport> FollowAsync(IAsyncEnumerable<TreeRequest> requests, [EnumeratorCancellation] CancellationToken ct)
        {
            var listening = ListenAsync(requests, ct);
            await foreach (var report in told.Reader.ReadAllAsync(ct))
            {
                yield return report;
            }

            await listening;
        }

        async Task ListenAsync(IAsyncEnumerable<TreeRequest> requests, CancellationToken ct)
        {
            await foreach (var request in requests.WithCancellation(ct))
            {
                asked.TrySetResult(request);
            }
>>>>>>> 9d31ee1 (Figures of a managed cluster that does not answer are in no sum, reportLag goes down while nothing changes, and who moved or left is in no mirror any more)
        }
    }
}
