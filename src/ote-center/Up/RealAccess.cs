using System.Globalization;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;

namespace Ote.Center.Up;

/// <summary>
/// Asks a real cluster for the object that the job will write, as the user that the job will act as. A kubeconfig that is refused is found
/// before anything has started, not by a target that fails minutes later.
/// </summary>
internal static class RealAccess
{
    /// <summary>How long a cluster may take to answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Asks every real cluster of a tree. Those that an earlier <c>up</c> put there may be away; those asked for now may not.</summary>
    /// <exception cref="UpException">See the other overload.</exception>
    public static async Task CheckAsync(TreeMake made, UpOptions options, TimeProvider time, CancellationToken stop)
    {
        foreach (var (name, file) in made.Real)
        {
            using var http = Kubeconfig.Load(file).CreateHttpClient(time);
            await CheckAsync($"--kubeconfig {name}={file}", http, options.Real.Any(r => r.Name == name), time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Asks one cluster.</summary>
    /// <param name="option">The option that named it, for sentences.</param>
    /// <param name="http">Its API server, with the kubeconfig's credentials.</param>
    /// <param name="mustAnswer">Whether it has to be there now.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <exception cref="UpException">It refuses the credentials, or does not answer and must.</exception>
    public static async Task CheckAsync(string option, HttpClient http, bool mustAnswer, TimeProvider time, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, patience.Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, Job.Url.TrimStart('/'));
        request.Headers.TryAddWithoutValidation("Impersonate-User", Tree.Administrator);
        request.Headers.TryAddWithoutValidation("Impersonate-Group", UserInfo.Masters);
        try
        {
            using var answer = await http.SendAsync(request, either.Token).ConfigureAwait(false);
            var code = (int)answer.StatusCode;
            if (code is 401 or 403)
            {
                var said = KubeStatusException.From(code, await answer.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false), "the job's question").Message.TrimEnd('.');
                throw new UpException(string.Create(CultureInfo.InvariantCulture, $"{option}: the cluster at {http.BaseAddress} {Refusal(code)} ({code}: {said}); {Next(code)}"));
            }
        }
        catch (Exception silent) when (silent is HttpRequestException or IOException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            if (mustAnswer)
            {
                throw new UpException($"{option}: the cluster at {http.BaseAddress} cannot be reached ({Cause(silent)}); check that it runs and that the file is of it", silent);
            }
        }
    }

    private static string Refusal(int code) =>
        code == 401 ? "does not know the kubeconfig's user" : $"does not let the kubeconfig's user act as {Tree.Administrator} in {UserInfo.Masters}, as the job does";

    private static string Next(int code) =>
        code == 401 ? "its credentials may have expired: get a new kubeconfig from whoever runs the cluster" : "give the kubeconfig of one of its administrators";

    private static string Cause(Exception silent)
    {
        if (silent is OperationCanceledException)
        {
            return $"nothing for {Patience.TotalSeconds} s";
        }

        while (silent.InnerException is { } inner)
        {
            silent = inner;
        }

        return silent.Message.TrimEnd('.');
    }
}
