using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Applying;

/// <summary>What following begins with.</summary>
public sealed class TreeFollowerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_left_the_tree_while_nobody_followed_it_is_forgotten_when_all_there_are_have_been_told_and_not_before_and_who_is_away_is_not()
    {
        await using var mirror = MirrorStore.Open(new MirrorOptions(), new FakeTimeProvider(), NullLogger.Instance);
        foreach (var cluster in (string[])["stays", "away", "left"])
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
        mirror.Changes.Listen(change =>
        {
            if (change.Key.Name == "p-left")
            {
                forgotten.TrySetResult();
            }
        });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var following = new TreeFollower(mirror, FollowAsync, new FakeTimeProvider(), static () => 0.5, NullLogger.Instance).RunAsync(stop.Token);
        told.Writer.TryWrite(new TreeReport { Cluster = "stays", News = new ClusterNews { Uid = "u", Online = true, Reports = true } });
        Assert.Equal("stays", (await asked.Task.WaitAsync(Ct)).Cluster);
        told.Writer.TryWrite(new TreeReport { Cluster = "away", News = new ClusterNews { Uid = "v" } });
        Assert.Equal(["away", "left", "stays"], (await mirror.ClustersAsync(Ct)).Order());
        told.Writer.TryWrite(new TreeReport { News = new ClusterNews { Current = true } });
        await forgotten.Task.WaitAsync(Ct);
        Assert.Equal(["away", "stays"], (await mirror.ClustersAsync(Ct)).Order());
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
        }
    }
}
