namespace Ote.Testing.Kubernetes;

/// <summary>A kubectl binary bound to a kubeconfig, with a home folder (and so a discovery cache) of its own. Thread-safe.</summary>
/// <param name="Binary">Any age of kubectl; see <see cref="KubernetesTools"/>.</param>
/// <param name="Kubeconfig">The file; its current context is used.</param>
/// <param name="Home">A folder that may be written and is removed by its owner.</param>
public sealed record Kubectl(string Binary, string Kubeconfig, string Home)
{
    private static readonly TimeSpan UsualTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Runs kubectl with these arguments, for at most a minute.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(arguments, input: null, UsualTimeout, CancellationToken.None);

    /// <summary>Runs kubectl and throws, with all that it said, unless it succeeds. Returns its standard output, trimmed.</summary>
    public async Task<string> ExpectAsync(params string[] arguments) => (await RunAsync(arguments)).Succeeded().Out.Trim();

    /// <summary><c>kubectl apply -f -</c> with this text; throws unless it succeeds.</summary>
    public async Task<string> ApplyAsync(string manifest) =>
        (await RunAsync(["apply", "-f", "-"], manifest, UsualTimeout, CancellationToken.None)).Succeeded().Out.Trim();

    /// <summary>As <see cref="RunAsync(string[])"/> with an input and a time limit of one's own.</summary>
    /// <exception cref="TimeoutException">kubectl did not end in time.</exception>
    public Task<CommandResult> RunAsync(IEnumerable<string> arguments, string? input, TimeSpan timeout, CancellationToken ct)
    {
        // KUBECACHEDIR is the newer ones' setting; the older ones look below HOME alone.
        Dictionary<string, string> environment = new() { ["HOME"] = Home, ["KUBECONFIG"] = Kubeconfig, ["KUBECACHEDIR"] = Path.Combine(Home, "cache") };
        return CommandLine.RunAsync(Binary, arguments, environment, input, timeout, ct);
    }

    /// <summary>Asks again each quarter of a second until the trimmed output satisfies the condition; a failing kubectl counts as not yet.</summary>
    /// <exception cref="TimeoutException">Not within the time; the last answer is in the message.</exception>
    public async Task<string> UntilAsync(Func<string, bool> condition, TimeSpan timeout, CancellationToken ct, params string[] arguments)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        while (true)
        {
            CommandResult last = await RunAsync(arguments, input: null, UsualTimeout, ct);
            if (last.ExitCode == 0 && condition(last.Out.Trim()))
                return last.Out.Trim();
            if (time.GetElapsedTime(began) > timeout)
                throw new TimeoutException($"{last.Command}\nwas not as awaited within {timeout.TotalSeconds:0} s; at last:\n{last.Out}{last.Error}");
            await Task.Delay(TimeSpan.FromMilliseconds(250), time, ct);
        }
    }
}
