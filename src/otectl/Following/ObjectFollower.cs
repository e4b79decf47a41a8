using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Ote.Ctl.Cli;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Ctl.Following;

/// <summary>
/// Follows one object on the API server: its state now, then each change. A broken or expired watch is taken up again, with backoff;
/// it ends only with the caller's token, or when the server could not be reached the very first time.
/// </summary>
/// <param name="api">The API server.</param>
/// <param name="time">The clock for waits.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="lost">Told once each time contact is lost, with the cause.</param>
internal sealed class ObjectFollower(KubeClient api, TimeProvider time, Func<double> random, Action<string> lost)
{
    /// <summary>A follower at the control API of a run; it tells there when contact is lost.</summary>
    internal static ObjectFollower Of(Invocation run) => new(
        run.Api, run.World.Time, run.World.Random, cause => run.Note($"lost contact with the control API ({cause}); trying again"));

    /// <summary>Yields the object's states, oldest first; null means that it is gone. States between two looks may be missed.</summary>
    internal async IAsyncEnumerable<JsonObject?> FollowAsync(
        ResourceRef kind, string? ns, string name, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var query = new ListQuery(FieldSelector: $"metadata.name={name}");
        var backoff = new Backoff(BackoffOptions.Default, random);
        var reached = false;
        var complained = false;
        while (true)
        {
            KubeList? list = null;
            try
            {
                list = await api.ListAsync(kind, ns, query, cancellation).ConfigureAwait(false);
            }
            catch (Exception trouble) when (reached && IsPassing(trouble, cancellation))
            {
                Complain(trouble, ref complained);
            }

            if (list is not null)
            {
                reached = true;
                complained = false;
                yield return list.Items.FirstOrDefault(item => item.Name() == name);
                var changes = api.WatchAsync(kind, ns, query, list.ResourceVersion, cancellation).GetAsyncEnumerator(cancellation);
                await using (changes.ConfigureAwait(false))
                {
                    while (await MoveAsync(changes, cancellation).ConfigureAwait(false))
                    {
                        backoff.Reset();
                        if (changes.Current.Type != WatchEventType.Bookmark && changes.Current.Object.Name() == name)
                        {
                            yield return changes.Current.Type == WatchEventType.Deleted ? null : changes.Current.Object;
                        }
                    }
                }
            }

            await Task.Delay(backoff.Next(), time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The next change; false when the watch ended for whatever reason a new list cures.</summary>
    private static async ValueTask<bool> MoveAsync(IAsyncEnumerator<WatchEvent> changes, CancellationToken cancellation)
    {
        try
        {
            return await changes.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception trouble) when (IsPassing(trouble, cancellation))
        {
            return false;
        }
    }

    private static bool IsPassing(Exception trouble, CancellationToken cancellation) => trouble switch
    {
        KubeStatusException status => status.IsExpired || status.Code is 429 or >= 500,
        HttpRequestException or IOException or TimeoutException or System.Text.Json.JsonException => true,
        OperationCanceledException => !cancellation.IsCancellationRequested,
        _ => false,
    };

    private void Complain(Exception trouble, ref bool complained)
    {
        if (!complained)
        {
            complained = true;
            lost(trouble.Message);
        }
    }
}
