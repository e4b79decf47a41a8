namespace Ote.Cluster.Streams;

/// <summary>Ends requests that wait for the answer of a cluster that is away, and sends none to one that has been away for as long, though its stream may stand yet. What is answered already goes on for as long as its stream is kept.</summary>
/// <param name="absences">Who is away.</param>
/// <param name="clusterOf">The cluster that an address stands for.</param>
/// <param name="inner">Sends.</param>
internal sealed class AbsenceHandler(Absences absences, Func<Uri, string> clusterOf, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var cluster = clusterOf(request.RequestUri!);
        using var absence = absences.Watch(cluster, Absences.AnsweredWithin);
        if (absence.Gone.IsCancellationRequested)
        {
            var away = StreamRefusedException.Away(cluster);
            throw new HttpRequestException(away.Message, away);
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, absence.Gone);
        try
        {
            return await base.SendAsync(request, either.Token).ConfigureAwait(false);
        }
        catch (Exception broken) when (absence.Gone.IsCancellationRequested && !cancellationToken.IsCancellationRequested && LivePool.Refusal(broken) is null)
        {
            var isRead = request.Method == HttpMethod.Get || request.Method == HttpMethod.Head;
            var refused = new StreamRefusedException(
                $"cluster {cluster} went away before it answered a {request.Method}" + (isRead ? "; it cannot be asked until it is back" : ": whether it was done, or will be when the cluster is back, is not known. Look when it is back"), inner: broken)
            {
                IsUndecided = !isRead,
            };
            throw new HttpRequestException(refused.Message, refused);
        }
    }
}
