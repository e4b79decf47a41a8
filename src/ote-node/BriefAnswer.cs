using System.Net.Sockets;
using Ote.Kube.Client;

namespace Ote.Node;

/// <summary>What a server says to one GET by a component's credentials, where it says so within five seconds.</summary>
/// <param name="Code">The code of its answer; 0: there was none.</param>
/// <param name="Cause">Why it is none, or none that helps.</param>
/// <param name="Body">What came with it; empty where there was none.</param>
internal sealed record BriefAnswer(int Code, string Cause, string Body)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Whether it was answered as asked.</summary>
    public bool Succeeded => Code is >= 200 and < 300;

    /// <summary>Asks.</summary>
    /// <param name="server">Whom, with whose credentials.</param>
    /// <param name="path">For what; without a slash before it.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public static async Task<BriefAnswer> OfAsync(KubeEndpoint server, string path, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            using var http = server.CreateHttpClient(TimeProvider.System);
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), patience.Token).ConfigureAwait(false);
            return new((int)answer.StatusCode, $"code {(int)answer.StatusCode}", await answer.Content.ReadAsStringAsync(patience.Token).ConfigureAwait(false));
        }
        catch (Exception unanswered) when (unanswered is HttpRequestException or SocketException or IOException || (unanswered is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return new(0, unanswered is OperationCanceledException ? $"no answer within {Patience.TotalSeconds:0} s" : unanswered.GetBaseException().Message, "");
        }
    }
}
