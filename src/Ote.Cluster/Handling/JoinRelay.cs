using System.Collections.Concurrent;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Handling;

/// <summary>
/// Carries requests to join up the tree and the answers back down, at a controller that is not the root. The names a request passed
/// lead its answer home. Thread-safe.
/// </summary>
internal sealed class JoinRelay(string self, Uplink uplink, Func<string, ILink?> linkTo)
{
    private const int MostWaiting = 1024;
    private readonly ConcurrentDictionary<ByteString, TaskCompletionSource<JoinAnswer>> _waiting = new();

    /// <summary>Answers a request that came to this controller's own door.</summary>
    /// <exception cref="JoinLaterException">There is no way up now; the joining cluster asks again.</exception>
    public async Task<JoinAnswer> AskAsync(JoinRequest request, CancellationToken ct)
    {
        if (uplink.Link is not { } link)
        {
            throw new JoinLaterException($"{self} does not reach the root now");
        }

        if (_waiting.Count >= MostWaiting)
        {
            throw new JoinLaterException($"{_waiting.Count} requests to join wait at {self} for the root's answer, and no more may");
        }

        var answer = new TaskCompletionSource<JoinAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        request.Via.Clear();
        request.Via.Add(self);
        if (!_waiting.TryAdd(request.RequestId, answer))
        {
            throw new JoinLaterException("this request is on its way already");
        }

        try
        {
            await link.SendAsync(new Message { Lane = Lane.Control, JoinRequest = request }, ct).ConfigureAwait(false);
            return await answer.Task.WaitAsync(ct).ConfigureAwait(false);
        }
        catch (LinkClosedException)
        {
            throw new JoinLaterException($"{self} lost its way to the root meanwhile");
        }
        finally
        {
            _waiting.TryRemove(request.RequestId, out _);
        }
    }

    /// <summary>Passes a child's request on. One that finds no way is dropped: its cluster asks again.</summary>
    public void PassUp(JoinRequest request)
    {
        request.Via.Add(self);
        uplink.Link?.TrySend(new Message { Lane = Lane.Control, JoinRequest = request });
    }

    /// <summary>An answer came down.</summary>
    public void Answered(JoinAnswer answer)
    {
        if (answer.Via.Count > 0 && answer.Via[^1] == self)
        {
            answer.Via.RemoveAt(answer.Via.Count - 1);
        }

        if (answer.Via.Count == 0)
        {
            if (_waiting.TryRemove(answer.RequestId, out var waiting))
            {
                waiting.TrySetResult(answer);
            }

            return;
        }

        linkTo(answer.Via[^1])?.TrySend(new Message { Lane = Lane.Control, JoinAnswer = answer });
    }
}
