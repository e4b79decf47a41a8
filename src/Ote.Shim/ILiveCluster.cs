namespace Ote.Shim;

/// <summary>
/// A shim through which the managed cluster's API can be used as it is: watches, logs, exec. Implement it beside <see cref="IClusterShim"/>. Thread-safe.
/// </summary>
public interface ILiveCluster
{
    /// <summary>The API's address; paths are put behind it. Null: there is no live access.</summary>
    Uri? LiveAddress { get; }

    /// <summary>Sends requests there with the shim's own credentials, answers and upgrades as they come, without a time limit.</summary>
    HttpMessageInvoker LiveInvoker { get; }

    /// <summary>Whether requests are to act as who asks (<c>Impersonate-User</c>); otherwise all act as the shim's user.</summary>
    bool ActsAsRequester { get; }

    /// <summary>Why the shim lets a request not pass; null when it does.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="target">Path and query, as they came.</param>
    string? LiveObjection(string method, string target);
}
