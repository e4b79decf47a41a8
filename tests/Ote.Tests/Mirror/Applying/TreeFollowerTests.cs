using System.Runtime.CompilerServices;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Applying;

/// <summary>What following begins with.</summary>
public sealed class TreeFollowerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
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
        }
    }
}
