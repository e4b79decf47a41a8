namespace Ote.Cluster.Messages;

/// <summary>A message for this cluster's applications.</summary>
/// <param name="Id">32 hexadecimal digits; the same when it is given out again.</param>
/// <param name="From">The cluster that sent it.</param>
/// <param name="Topic">What it is about.</param>
/// <param name="ContentType">Of the body; empty when the sender gave none.</param>
/// <param name="Body">The content.</param>
/// <param name="Hops">Links it has travelled.</param>
/// <param name="Arrived">When it was kept here, by this machine's clock.</param>
public sealed record ReceivedMessage(string Id, string From, string Topic, string ContentType, ReadOnlyMemory<byte> Body, int Hops, DateTimeOffset Arrived);
