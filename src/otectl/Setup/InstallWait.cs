using Ote.Ctl.Cli;
using Ote.Ctl.Following;
using Ote.Kube.Objects;

namespace Ote.Ctl.Setup;

/// <summary>Waits until what was installed is in force.</summary>
internal static class InstallWait
{
    /// <summary>Waits for a condition of an object.</summary>
    /// <param name="run">The run.</param>
    /// <param name="kind">The object's kind; it is in no namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="condition">The condition that has to be true.</param>
    /// <param name="late">What to say when it has been waited for long enough, of what the condition said last.</param>
    /// <param name="patience">Fires then.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CtlException">It was not in time.</exception>
    internal static async Task UntilAsync(Invocation run, ResourceRef kind, string name, string condition, Func<string?, string> late, CancellationToken patience, CancellationToken cancellation)
    {
        string? why = null;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, patience);
        try
        {
            await foreach (var obj in ObjectFollower.Of(run).FollowAsync(kind, null, name, either.Token).ConfigureAwait(false))
            {
                if (obj?.IsTrue(condition) == true)
                {
                    return;
                }

                why = obj?.Items("status", "conditions")?.FirstOrDefault(c => c.Text("type") == condition)?.Text("message") ?? why;
            }
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new CtlException(ExitCode.TimedOut, late(why));
        }
    }
}
